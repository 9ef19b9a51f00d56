// Everything the backend needs in one resource group, and nothing else. docs/deploy.md walks through it.
targetScope = 'resourceGroup'

@description('Which of the organisation\'s copies this is; part of names.')
param stage 'dev' | 'prod'
param location string = resourceGroup().location

@description('The static site: https://…, without a path. Links in e-mails lead there, and its origin may call the API.')
param siteUrl string

@description('Further origins whose pages may call the API with cookies, and upload files.')
param moreOrigins string[] = []

@description('The API as clients see it, where a custom domain or Front Door leads to it; empty for the app\'s own address.')
param apiUrl string = ''

@description('How many proxies append to X-Forwarded-For: the Functions front end is one, Front Door a second.')
@minValue(1)
@maxValue(10)
param trustedProxyDepth int = 1

@description('The release, as /api/version tells it.')
param release string = '0.1.0'

@description('The Entra group of those who deploy and operate: its name and object id. It administers SQL, and may put secrets.')
param operatorsName string
@minLength(36)
@maxLength(36)
param operatorsId string

@description('Who is told of new forms, of alerts, and of money.')
param teamEmail string
param alertEmail string

@description('E-mail: the domain letters come from, once it is yours to use (two passes, docs/deploy.md); empty for Azure\'s own.')
param mailDomain string = ''
param mailDomainVerified bool = false
param mailUser string = 'hello'
param mailName string = 'T.O.O.L.S Inc'

@description('Where Communication Services keeps its data: a geography, such as United States or Europe.')
param mailDataLocation string = 'United States'

@description('Forms ask for a solved challenge: the siteverify address of Turnstile, hCaptcha or reCAPTCHA; empty for none. Its secret is challenge-secret in the vault.')
param challengeVerifyUrl string = ''

@description('Whoever receives guests: ids of accounts, separated by commas; empty: there are no guests.')
param guestHosts string = ''
@description('Web Push: devices are told of messages. Its private key is vapid-key in the vault; put it there first.')
param webPush bool = false

param storageSku 'Standard_LRS' | 'Standard_ZRS' = 'Standard_LRS'
param sqlFreeOffer 'AutoPause' | 'BillOverUsage' | 'None' = 'AutoPause'
param sqlMaximumCores int = 1
param sqlBackupRedundancy 'Local' | 'Zone' | 'Geo' = 'Local'
param sqlBackupDays int = 7
param webPubSubSku 'Free_F1' | 'Standard_S1' = 'Free_F1'
param webPubSubUnits int = 1

@description('Azure Managed Redis: shared rates and revocations. Off, the app counts per instance and reads each session.')
param redisEnabled bool = false
param redisSku 'Balanced_B0' | 'Balanced_B1' | 'Balanced_B3' | 'Balanced_B5' = 'Balanced_B0'
param redisHighAvailability bool = false

param httpConcurrency int = 32

@description('The ceiling of instances, and so of what a flood can cost.')
param maximumInstances int = 40
param alwaysReady int = 0
param logsDailyQuotaGb int = 1
param logsKeptDays int = 30
param monthlyBudget int

@description('The first of the month of the first deployment, yyyy-MM-01. Azure takes no other at first, and no change later.')
param budgetStart string

var token = take(uniqueString(resourceGroup().id, stage), 12)
var code = loadJsonContent('data.json')
var functionName = 'func-tools-${stage}-${token}'
var api = empty(apiUrl) ? 'https://${functionName}.azurewebsites.net' : apiUrl
var databaseName = 'tools'
var uploadsContainer = 'files'
var signingKeys = 'signing-keys'
var eventAudience = 'api://${tenant().tenantId}/tools-${stage}-events'

var settings = {
  APP_ENV: 'production'
  APP_VERSION: release
  APP_API_URL: api
  APP_SITE_URL: siteUrl
  APP_ALLOWED_ORIGINS: join(moreOrigins, ',')
  APP_TRUSTED_PROXY_DEPTH: string(trustedProxyDepth)
  APP_TENANT_ID: tenant().tenantId
  APP_IDENTITY_CLIENT_ID: identity.outputs.appClientId
  APP_COSMOS_ENDPOINT: cosmos.outputs.endpoint
  APP_COSMOS_DATABASE: databaseName
  APP_SQL_ODBC: 'Driver={ODBC Driver 18 for SQL Server};Server=tcp:${sql.outputs.host},1433;Database=${databaseName};Encrypt=yes;LongAsMax=yes'
  APP_KEY_VAULT_URL: keyVault.outputs.url
  APP_SIGNING_KEYS_SECRET: signingKeys
  APP_QUEUE_ENDPOINT: storage.outputs.queueEndpoint
  APP_BLOB_ENDPOINT: storage.outputs.blobEndpoint
  APP_BLOB_CONTAINER: uploadsContainer
  APP_REDIS_URL: redis.?outputs.url ?? ''
  APP_WEB_PUBSUB_ENDPOINT: webPubSub.outputs.endpoint
  APP_WEB_PUBSUB_HUB: code.hub
  APP_WEB_PUBSUB_EVENT_AUDIENCE: eventAudience
  APP_WEB_PUBSUB_EVENT_PRINCIPAL: identity.outputs.eventsPrincipalId
  APP_ACS_ENDPOINT: email.outputs.endpoint
  APP_MAIL_FROM: '${mailName} <${email.outputs.sender}>'
  APP_MAIL_TEAM: teamEmail
  APP_GUEST_HOSTS: guestHosts
  APP_CHALLENGE_VERIFY_URL: challengeVerifyUrl
  APP_CHALLENGE_SECRET: empty(challengeVerifyUrl) ? '' : '@Microsoft.KeyVault(SecretUri=${keyVault.outputs.url}secrets/challenge-secret)'
  APP_VAPID_PRIVATE_KEY: webPush ? '@Microsoft.KeyVault(SecretUri=${keyVault.outputs.url}secrets/vapid-key)' : ''
  APP_VAPID_SUBJECT: webPush ? 'mailto:${teamEmail}' : ''
}

module identity 'modules/identity.bicep' = {
  params: { location: location, stage: stage }
}

module monitoring 'modules/monitoring.bicep' = {
  params: {
    location: location
    stage: stage
    token: token
    alertEmail: alertEmail
    dailyQuotaGb: logsDailyQuotaGb
    keptDays: logsKeptDays
  }
}

module storage 'modules/storage.bicep' = {
  params: {
    location: location
    token: token
    sku: storageSku
    origins: union([siteUrl], moreOrigins)
    queues: code.queues
    uploadsContainer: uploadsContainer
  }
}

module cosmos 'modules/cosmos.bicep' = {
  params: {
    location: location
    token: token
    databaseName: databaseName
    containers: code.containers
  }
}

module sql 'modules/sql.bicep' = {
  params: {
    location: location
    token: token
    databaseName: databaseName
    operatorsName: operatorsName
    operatorsId: operatorsId
    freeOffer: sqlFreeOffer
    maximumCores: sqlMaximumCores
    backupRedundancy: sqlBackupRedundancy
    keptDays: sqlBackupDays
    workspaceId: monitoring.outputs.workspaceId
  }
}

module redis 'modules/redis.bicep' = if (redisEnabled) {
  params: {
    location: location
    token: token
    sku: redisSku
    highAvailability: redisHighAvailability
    appPrincipalId: identity.outputs.appPrincipalId
  }
}

module keyVault 'modules/keyvault.bicep' = {
  params: {
    location: location
    stage: stage
    token: token
    workspaceId: monitoring.outputs.workspaceId
  }
}

module webPubSub 'modules/webpubsub.bicep' = {
  params: {
    location: location
    token: token
    skuName: webPubSubSku
    units: webPubSubUnits
    eventsIdentityId: identity.outputs.eventsId
  }
}

module email 'modules/email.bicep' = {
  params: {
    token: token
    dataLocation: mailDataLocation
    domainName: mailDomain
    domainVerified: mailDomainVerified
    senderUser: mailUser
    senderName: mailName
  }
}

module rbac 'modules/rbac.bicep' = {
  params: {
    appPrincipalId: identity.outputs.appPrincipalId
    operatorsId: operatorsId
    hostStorageName: storage.outputs.hostName
    filesStorageName: storage.outputs.filesName
    uploadsContainer: uploadsContainer
    keyVaultName: keyVault.outputs.name
    webPubSubName: webPubSub.outputs.name
    communicationName: email.outputs.name
    appInsightsName: monitoring.outputs.appInsightsName
    cosmosAccountName: cosmos.outputs.accountName
    cosmosDatabaseName: databaseName
  }
}

module function 'modules/function.bicep' = {
  params: {
    location: location
    name: functionName
    pythonVersion: '3.13'
    identityId: identity.outputs.appId
    identityClientId: identity.outputs.appClientId
    hostStorageName: storage.outputs.hostName
    packagesUrl: storage.outputs.packagesUrl
    appInsightsConnectionString: monitoring.outputs.appInsightsConnectionString
    settings: settings
    httpConcurrency: httpConcurrency
    maximumInstances: maximumInstances
    alwaysReady: alwaysReady
  }
  dependsOn: [rbac] // the app starts by reading its host storage, and must be allowed to
}

module webPubSubHub 'modules/webpubsub-hub.bicep' = {
  params: {
    webPubSubName: webPubSub.outputs.name
    hubName: code.hub
    apiUrl: empty(apiUrl) ? 'https://${function.outputs.host}' : apiUrl
    eventAudience: eventAudience
  }
}

module alerts 'modules/alerts.bicep' = {
  params: {
    location: location
    token: token
    appInsightsId: monitoring.outputs.appInsightsId
    actionGroupId: monitoring.outputs.actionGroupId
    cosmosAccountName: cosmos.outputs.accountName
    webPubSubName: webPubSub.outputs.name
    alertEmail: alertEmail
    monthlyBudget: monthlyBudget
    budgetStart: budgetStart
  }
}

@description('The app\'s settings. None is a secret; infra/scripts/admin.py runs commands with them.')
output settings { *: string } = settings
output functionName string = function.outputs.name
output functionUrl string = 'https://${function.outputs.host}'
output apiUrl string = api
output siteUrl string = siteUrl
output identityName string = identity.outputs.appName
output identityClientId string = identity.outputs.appClientId
output keyVaultName string = keyVault.outputs.name
output signingKeysSecret string = signingKeys
output sqlServerName string = sql.outputs.serverName
output eventAudience string = eventAudience
