// Two accounts: what the Functions host runs on (its packages, leases and our queues), and what people upload.
// They are apart so that no identity that serves files can reach the code, and each has its own network and keys' rules.

param location string
param token string
param sku 'Standard_LRS' | 'Standard_ZRS'

@description('Origins of the pages that upload to, and download from, signed URLs.')
param origins string[]

@description('Queues the app sends to and listens on. Each gets its -poison, so that alerts and people find it before the first failure.')
param queues string[]

param uploadsContainer string

var keptDays = 7
var packagesContainer = 'packages'

resource host 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'sthost${token}'
  location: location
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled' // the host has no fixed address; identities decide (ADR 0112)
    networkAcls: { defaultAction: 'Allow', bypass: 'AzureServices' }
  }
}

resource hostBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: host
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: keptDays }
    containerDeleteRetentionPolicy: { enabled: true, days: keptDays }
  }
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: hostBlobs
  name: packagesContainer
  properties: { publicAccess: 'None' }
}

resource hostQueues 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' = {
  parent: host
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' = [for name in queues: {
  parent: hostQueues
  name: name
}]

resource poisonQueue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' = [for name in queues: {
  parent: hostQueues
  name: '${name}-poison'
}]

resource files 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'stfiles${token}'
  location: location
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false // signed URLs are user-delegation SAS
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled' // browsers put and get here
    networkAcls: { defaultAction: 'Allow', bypass: 'AzureServices' }
    sasPolicy: { sasExpirationPeriod: '0.01:00:00', expirationAction: 'Log' } // ours live for minutes
  }
}

resource fileBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: files
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: keptDays }
    containerDeleteRetentionPolicy: { enabled: true, days: keptDays }
    cors: {
      corsRules: [
        {
          allowedOrigins: origins
          allowedMethods: ['PUT', 'GET', 'HEAD', 'OPTIONS']
          allowedHeaders: ['content-type', 'content-disposition', 'if-none-match', 'range', 'x-ms-*']
          exposedHeaders: ['etag', 'content-length', 'content-range', 'x-ms-request-id', 'x-ms-error-code']
          maxAgeInSeconds: 3600
        }
      ]
    }
  }
}

// What was never completed is swept by the app after a day, item and blob together; blocks that were never committed the
// service drops by itself after a week. A lifecycle rule sees names only, and could not tell an upload from a file.
resource uploads 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: fileBlobs
  name: uploadsContainer
  properties: { publicAccess: 'None' }
}

output hostName string = host.name
output packagesUrl string = '${host.properties.primaryEndpoints.blob}${packagesContainer}'
output queueEndpoint string = host.properties.primaryEndpoints.queue
output filesName string = files.name
output blobEndpoint string = files.properties.primaryEndpoints.blob
