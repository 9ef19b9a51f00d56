// The organisation's trial copy: everything at its cheapest. What differs per organisation is from the environment; what is
// needed and not set stops the deployment before it begins.
using 'main.bicep'

param stage = 'dev'
param siteUrl = readEnvironmentVariable('TOOLS_SITE_URL')
param operatorsName = readEnvironmentVariable('TOOLS_OPERATORS_NAME')
param operatorsId = readEnvironmentVariable('TOOLS_OPERATORS_ID')
param teamEmail = readEnvironmentVariable('TOOLS_TEAM_EMAIL')
param alertEmail = readEnvironmentVariable('TOOLS_ALERT_EMAIL')
param guestHosts = readEnvironmentVariable('TOOLS_GUEST_HOSTS', '')
param release = readEnvironmentVariable('TOOLS_RELEASE', '0.1.0')
param maximumInstances = 5
param monthlyBudget = 20
param budgetStart = readEnvironmentVariable('TOOLS_BUDGET_START')
