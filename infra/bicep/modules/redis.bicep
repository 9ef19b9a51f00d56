// Azure Managed Redis: rates and revocations that all instances share. Optional; without it the app counts per instance
// and reads each session from the document store.

param location string
param token string
param sku 'Balanced_B0' | 'Balanced_B1' | 'Balanced_B3' | 'Balanced_B5'
param highAvailability bool
param appPrincipalId string

resource cluster 'Microsoft.Cache/redisEnterprise@2025-07-01' = {
  name: 'redis-tools-${token}'
  location: location
  sku: { name: sku }
  properties: {
    highAvailability: highAvailability ? 'Enabled' : 'Disabled'
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-07-01' = {
  parent: cluster
  name: 'default'
  properties: {
    accessKeysAuthentication: 'Disabled'
    clientProtocol: 'Encrypted'
    clusteringPolicy: 'NoCluster' // a plain client, and scripts over several keys
    evictionPolicy: 'VolatileTTL'
    port: 10000
  }
}

resource app 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-07-01' = {
  parent: database
  name: 'app'
  properties: {
    accessPolicyName: 'default'
    user: { objectId: appPrincipalId }
  }
}

output url string = 'rediss://${cluster.properties.hostName}:10000'
