// The forms' database: serverless, asleep while no form comes in. Nobody has a password; Entra signs in.

param location string
param token string
param databaseName string

@description('The Entra group whose members may change the schema and make users.')
param operatorsName string
@minLength(36)
@maxLength(36)
param operatorsId string

@description('Azure\'s free offer, 100,000 vCore seconds a month, for up to ten databases of a subscription: what happens when they are used up. It keeps backups locally, for at most seven days.')
param freeOffer 'AutoPause' | 'BillOverUsage' | 'None'

@allowed([1, 2, 4])
param maximumCores int
param backupRedundancy 'Local' | 'Zone' | 'Geo'
param keptDays int
param workspaceId string

resource server 'Microsoft.Sql/servers@2023-08-01' = {
  name: 'sql-tools-${token}'
  location: location
  properties: {
    administrators: {
      administratorType: 'ActiveDirectory'
      azureADOnlyAuthentication: true
      principalType: 'Group'
      login: operatorsName
      sid: operatorsId
      tenantId: tenant().tenantId
    }
    minimalTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled'
    restrictOutboundNetworkAccess: 'Disabled'
  }
}

resource azureServices 'Microsoft.Sql/servers/firewallRules@2023-08-01' = {
  parent: server
  name: 'AllowAllWindowsAzureIps' // Azure's own name for this range: whatever runs in Azure may knock (ADR 0112)
  properties: { startIpAddress: '0.0.0.0', endIpAddress: '0.0.0.0' }
}

resource database 'Microsoft.Sql/servers/databases@2023-08-01' = {
  parent: server
  name: databaseName
  location: location
  sku: { name: 'GP_S_Gen5', tier: 'GeneralPurpose', family: 'Gen5', capacity: maximumCores }
  properties: {
    minCapacity: json('0.5')
    autoPauseDelay: 15 // minutes, the least: each look into a sleeping database is paid until it sleeps again
    maxSizeBytes: 34359738368
    zoneRedundant: false
    requestedBackupStorageRedundancy: backupRedundancy
    useFreeLimit: freeOffer != 'None'
    freeLimitExhaustionBehavior: freeOffer == 'None' ? null : freeOffer
  }
}

resource backups 'Microsoft.Sql/servers/databases/backupShortTermRetentionPolicies@2023-08-01' = {
  parent: database
  name: 'default'
  properties: { retentionDays: keptDays, diffBackupIntervalInHours: 24 }
}

resource audit 'Microsoft.Sql/servers/auditingSettings@2023-08-01' = {
  parent: server
  name: 'default'
  properties: {
    state: 'Enabled'
    isAzureMonitorTargetEnabled: true
    auditActionsAndGroups: [
      'FAILED_DATABASE_AUTHENTICATION_GROUP'
      'DATABASE_PRINCIPAL_CHANGE_GROUP'
      'DATABASE_ROLE_MEMBER_CHANGE_GROUP'
      'DATABASE_PERMISSION_CHANGE_GROUP'
    ]
  }
}

resource master 'Microsoft.Sql/servers/databases@2023-08-01' existing = {
  parent: server
  name: 'master'
}

resource auditLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: master // where a server's own audit comes out
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'SQLSecurityAuditEvents', enabled: true }]
  }
  dependsOn: [database]
}

output serverName string = server.name
output host string = server.properties.fullyQualifiedDomainName
