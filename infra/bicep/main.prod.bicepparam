// The copy people use. Redundant across zones where that costs little; units and instances as small as its traffic.
using 'main.bicep'

param stage = 'prod'
param siteUrl = readEnvironmentVariable('TOOLS_SITE_URL')
param apiUrl = readEnvironmentVariable('TOOLS_API_URL', '')
param trustedProxyDepth = int(readEnvironmentVariable('TOOLS_PROXY_DEPTH', '1'))
param operatorsName = readEnvironmentVariable('TOOLS_OPERATORS_NAME')
param operatorsId = readEnvironmentVariable('TOOLS_OPERATORS_ID')
param teamEmail = readEnvironmentVariable('TOOLS_TEAM_EMAIL')
param alertEmail = readEnvironmentVariable('TOOLS_ALERT_EMAIL')
param mailDomain = readEnvironmentVariable('TOOLS_MAIL_DOMAIN', '')
param mailDomainVerified = bool(readEnvironmentVariable('TOOLS_MAIL_DOMAIN_VERIFIED', 'false'))
param challengeVerifyUrl = readEnvironmentVariable('TOOLS_CHALLENGE_VERIFY_URL', '')
param guestHosts = readEnvironmentVariable('TOOLS_GUEST_HOSTS', '')
param webPush = bool(readEnvironmentVariable('TOOLS_WEB_PUSH', 'false'))
param release = readEnvironmentVariable('TOOLS_RELEASE', '0.1.0')
param storageSku = 'Standard_ZRS'
param sqlFreeOffer = 'BillOverUsage' // forms are taken when the free seconds are used up, too
param sqlMaximumCores = 2
param webPubSubSku = 'Standard_S1'
param redisEnabled = true
param maximumInstances = 40
param logsKeptDays = 90
param monthlyBudget = 150
param budgetStart = readEnvironmentVariable('TOOLS_BUDGET_START')
