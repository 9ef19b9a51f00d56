// E-mail. Azure's own domain works at once, for a handful of letters an hour; the organisation's takes over when its DNS
// records are there and verified (docs/deploy.md).

param token string
param dataLocation string

@description('The domain letters come from; empty for Azure\'s own.')
param domainName string
param domainVerified bool
param senderUser string
param senderName string

var own = !empty(domainName)
var ready = own && domainVerified

resource service 'Microsoft.Communication/emailServices@2025-05-01' = {
  name: 'mail-tools-${token}'
  location: 'global'
  properties: { dataLocation: dataLocation }
}

resource azureDomain 'Microsoft.Communication/emailServices/domains@2025-05-01' = {
  parent: service
  name: 'AzureManagedDomain'
  location: 'global'
  properties: { domainManagement: 'AzureManaged', userEngagementTracking: 'Disabled' }
}

resource ownDomain 'Microsoft.Communication/emailServices/domains@2025-05-01' = if (own) {
  parent: service
  name: own ? domainName : 'unused.example'
  location: 'global'
  properties: { domainManagement: 'CustomerManaged', userEngagementTracking: 'Disabled' }
}

resource sender 'Microsoft.Communication/emailServices/domains/senderUsernames@2025-05-01' = if (ready) {
  parent: ownDomain
  name: senderUser
  properties: { username: senderUser, displayName: senderName }
}

resource communication 'Microsoft.Communication/communicationServices@2025-05-01' = {
  name: 'acs-tools-${token}'
  location: 'global'
  properties: {
    dataLocation: dataLocation
    disableLocalAuth: true
    publicNetworkAccess: 'Enabled'
    linkedDomains: [ready ? ownDomain.id : azureDomain.id]
  }
}

output name string = communication.name
output endpoint string = 'https://${communication.properties.hostName}'
output sender string = ready ? '${senderUser}@${domainName}' : 'DoNotReply@${azureDomain.properties.fromSenderDomain}'
