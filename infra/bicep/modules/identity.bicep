// Who the app and the realtime service are to everything else. Nothing here has a password.

param location string
param stage string

@description('The app itself: it holds every role that rbac.bicep gives.')
resource app 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-tools-${stage}'
  location: location
}

@description('The realtime service, when it calls the app with events. It holds no role at all: who steals its token can read nothing.')
resource events 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-tools-${stage}-events'
  location: location
}

output appId string = app.id
output appName string = app.name
output appClientId string = app.properties.clientId
output appPrincipalId string = app.properties.principalId
output eventsId string = events.id
output eventsPrincipalId string = events.properties.principalId
