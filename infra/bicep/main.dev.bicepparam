// The organisation's trial copy: everything at its cheapest. Whatever is from the environment differs per organisation.
using 'main.bicep'

param stage = 'dev'
param siteUrl = readEnvironmentVariable('TOOLS_SITE_URL', 'https://dev.tools.example')
param operatorsName = readEnvironmentVariable('TOOLS_OPERATORS_NAME', 'tools-operators')
param operatorsId = readEnvironmentVariable('TOOLS_OPERATORS_ID', '00000000-0000-0000-0000-000000000000')
param teamEmail = readEnvironmentVariable('TOOLS_TEAM_EMAIL', 'team@tools.example')
param alertEmail = readEnvironmentVariable('TOOLS_ALERT_EMAIL', 'team@tools.example')
param release = readEnvironmentVariable('TOOLS_RELEASE', '0.1.0')
param maximumInstances = 5
param monthlyBudget = 20
param budgetStart = '2026-12-01'
