// Where the realtime service sends its events: one route of the app, signed in to with the service's identity.

param webPubSubName string
param hubName string
param apiUrl string

@description('What the service asks Entra a token for: the app registration that infra/scripts/event_audience.py makes.')
param eventAudience string

resource service 'Microsoft.SignalRService/webPubSub@2024-03-01' existing = {
  name: webPubSubName
}

resource hub 'Microsoft.SignalRService/webPubSub/hubs@2024-03-01' = {
  parent: service
  name: hubName
  properties: {
    anonymousConnectPolicy: 'deny'
    eventHandlers: [
      {
        urlTemplate: '${apiUrl}/api/v1/chat/events'
        userEventPattern: '*'
        systemEvents: ['connect', 'connected', 'disconnected']
        auth: { type: 'ManagedIdentity', managedIdentity: { resource: eventAudience } }
      }
    ]
  }
}
