// Who may do what: each role at the one resource, or the one container, that needs it. SQL's users are T-SQL
// (infra/scripts/sql_user.py), Redis' are in redis.bicep.

param appPrincipalId string

@description('People who deploy and operate: the Entra group that is also SQL\'s administrator.')
param operatorsId string

param hostStorageName string
param filesStorageName string
param uploadsContainer string
param keyVaultName string
param webPubSubName string
param communicationName string
param appInsightsName string
param cosmosAccountName string
param cosmosDatabaseName string

var roles = {
  blobOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner: what the Functions host asks for
  blobContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
  blobReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' // Storage Blob Data Reader
  blobDelegator: 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a' // Storage Blob Delegator: keys of user-delegation SAS
  queueContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // Storage Queue Data Contributor
  secretsUser: '4633458b-17de-408a-b874-0445c86b69e6' // Key Vault Secrets User
  secretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7' // Key Vault Secrets Officer
  webPubSubOwner: '12cf5a90-567b-43ae-8102-96cf46c7d9b4' // Web PubSub Service Owner
  webPubSubReader: 'bfb1c7d2-fb1a-466b-b2ba-aee63b92deaf' // Web PubSub Service Reader
  metricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb' // Monitoring Metrics Publisher
  mailOwner: '09976791-48a7-449e-bb21-39d1a415f350' // Communication and Email Service Owner
}
var cosmosDataContributor = '00000000-0000-0000-0000-000000000002'

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: hostStorageName
}

resource filesStorage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: filesStorageName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource uploads 'containers' existing = {
      name: uploadsContainer
    }
  }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: keyVaultName
}

resource webPubSub 'Microsoft.SignalRService/webPubSub@2024-03-01' existing = {
  name: webPubSubName
}

resource communication 'Microsoft.Communication/communicationServices@2025-05-01' existing = {
  name: communicationName
}

resource appInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: appInsightsName
}

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' existing = {
  name: cosmosAccountName
}

resource appOwnsHostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hostStorage
  name: guid(hostStorage.id, appPrincipalId, roles.blobOwner)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobOwner)
  }
}

resource appUsesQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hostStorage
  name: guid(hostStorage.id, appPrincipalId, roles.queueContributor)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.queueContributor)
  }
}

resource appKeepsFiles 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: filesStorage::blobs::uploads
  name: guid(filesStorage::blobs::uploads.id, appPrincipalId, roles.blobContributor)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobContributor)
  }
}

resource appSignsUrls 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: filesStorage // a delegation key belongs to the account
  name: guid(filesStorage.id, appPrincipalId, roles.blobDelegator)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDelegator)
  }
}

resource appReadsKeys 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, appPrincipalId, roles.secretsUser)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.secretsUser)
  }
}

resource appPublishes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: webPubSub
  name: guid(webPubSub.id, appPrincipalId, roles.webPubSubOwner)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.webPubSubOwner)
  }
}

resource appMails 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: communication
  name: guid(communication.id, appPrincipalId, roles.mailOwner)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.mailOwner)
  }
}

resource appReports 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: appInsights
  name: guid(appInsights.id, appPrincipalId, roles.metricsPublisher)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.metricsPublisher)
  }
}

resource operatorsPutKeys 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, operatorsId, roles.secretsOfficer)
  properties: {
    principalId: operatorsId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.secretsOfficer)
  }
}

resource operatorsUseQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hostStorage // to hand over tasks of what they do, and to look into poison queues
  name: guid(hostStorage.id, operatorsId, roles.queueContributor)
  properties: {
    principalId: operatorsId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.queueContributor)
  }
}

// What `admin check` asks of each service; Redis admits no groups.
resource operatorsLookAtFiles 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: filesStorage::blobs::uploads // its properties need no less
  name: guid(filesStorage::blobs::uploads.id, operatorsId, roles.blobReader)
  properties: {
    principalId: operatorsId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobReader)
  }
}

resource operatorsLookAtSockets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: webPubSub // and send nothing
  name: guid(webPubSub.id, operatorsId, roles.webPubSubReader)
  properties: {
    principalId: operatorsId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.webPubSubReader)
  }
}

resource operatorsLookAtMail 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: communication // there is no role that only reads
  name: guid(communication.id, operatorsId, roles.mailOwner)
  properties: {
    principalId: operatorsId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.mailOwner)
  }
}

@batchSize(1) // two at once conflict
resource documents 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-04-15' = [for principal in [appPrincipalId, operatorsId]: {
  parent: cosmos
  name: guid(cosmos.id, principal, cosmosDataContributor)
  properties: {
    principalId: principal
    roleDefinitionId: '${cosmos.id}/sqlRoleDefinitions/${cosmosDataContributor}'
    scope: '${cosmos.id}/dbs/${cosmosDatabaseName}'
  }
}]
