// What wakes somebody: answers that failed, work that was given up, stores that push back, and the bill.

param location string
param token string
param appInsightsId string
param actionGroupId string
param cosmosAccountName string
param webPubSubName string
param alertEmail string

@description('A month, in the currency of the subscription.')
param monthlyBudget int

@description('The first of the month from which the budget counts; stays what it was at the first deployment.')
param budgetStart string

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' existing = {
  name: cosmosAccountName
}

resource webPubSub 'Microsoft.SignalRService/webPubSub@2024-03-01' existing = {
  name: webPubSubName
}

var logAlerts = [
  {
    name: 'failing'
    description: 'More than five requests in a quarter of an hour were answered with a 5xx.'
    query: 'requests | where toint(resultCode) >= 500'
    dimensions: []
    threshold: 5
    severity: 1
  }
  {
    name: 'given-up'
    description: 'A queued task failed five times and lies in a poison queue. docs/deploy.md says what to do.'
    query: 'traces | where message has "MaxDequeueCount"'
    dimensions: []
    threshold: 0
    severity: 1
  }
  {
    name: 'left-alone'
    description: 'A service did not come back at the first probes: each circuit around it opens again and again. docs/deploy.md has the query.'
    query: 'traces | where message startswith "circuit " | parse message with "circuit " service " " state ":" * | where state == "open"'
    dimensions: [{ name: 'service', operator: 'Include', values: ['*'] }]
    threshold: 3
    severity: 2
  }
]

resource logAlert 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for alert in logAlerts: {
  name: 'alert-${alert.name}-${token}'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: alert.name
    description: alert.description
    enabled: true
    severity: alert.severity
    scopes: [appInsightsId]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    skipQueryValidation: true // at the first deployment the tables are not there yet
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: alert.query
          timeAggregation: 'Total'
          metricMeasureColumn: 'itemCount' // a row stands for all that sampling left out beside it
          operator: 'GreaterThan'
          threshold: alert.threshold
          dimensions: alert.dimensions
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [actionGroupId] }
  }
}]

resource throttled 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-throttled-${token}'
  location: 'global'
  properties: {
    description: 'Cosmos DB refused more than fifty requests in a quarter of an hour (429).'
    enabled: true
    severity: 2
    scopes: [cosmos.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'throttled'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.DocumentDB/databaseAccounts'
          metricName: 'TotalRequests'
          dimensions: [{ name: 'StatusCode', operator: 'Include', values: ['429'] }]
          operator: 'GreaterThan'
          threshold: 50
          timeAggregation: 'Count'
        }
      ]
    }
    actions: [{ actionGroupId: actionGroupId }]
  }
}

resource crowded 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-crowded-${token}'
  location: 'global'
  properties: {
    description: 'The realtime service has used four fifths of the connections it may have; add a unit before it refuses people.'
    enabled: true
    severity: 2
    scopes: [webPubSub.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'crowded'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.SignalRService/WebPubSub'
          metricName: 'ConnectionQuotaUtilization'
          operator: 'GreaterThan'
          threshold: 80
          timeAggregation: 'Maximum'
        }
      ]
    }
    actions: [{ actionGroupId: actionGroupId }]
  }
}

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: 'budget-tools-${token}'
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: { startDate: budgetStart }
    notifications: {
      spent: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: [alertEmail]
      }
      foreseen: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: [alertEmail]
      }
    }
  }
}
