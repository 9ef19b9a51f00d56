// The realtime service. Its hub, which must know the app's address, is in webpubsub-hub.bicep: together they would be
// a circle, because the app must know the service's address.

param location string
param token string
param skuName 'Free_F1' | 'Standard_S1'
param units int

@description('The identity with which the service calls the app.')
param eventsIdentityId string

resource service 'Microsoft.SignalRService/webPubSub@2024-03-01' = {
  name: 'wps-tools-${token}'
  location: location
  kind: 'WebPubSub'
  sku: { name: skuName, capacity: units }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${eventsIdentityId}': {} }
  }
  properties: {
    disableAadAuth: false
    disableLocalAuth: true
    publicNetworkAccess: 'Enabled'
    tls: { clientCertEnabled: false }
  }
}

output name string = service.name
output endpoint string = 'https://${service.properties.hostName}'
