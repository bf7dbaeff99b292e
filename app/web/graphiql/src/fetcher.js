// How GraphiQL asks: queries and mutations by HTTP, subscriptions by graphql-transport-ws.
import { createGraphiQLFetcher } from '@graphiql/toolkit'
import { createClient } from 'graphql-ws'

import { endpoint, fetchJson } from './api.js'

const FORBIDDEN = 4403

const socketEndpoint = new URL(endpoint)
socketEndpoint.protocol = endpoint.protocol.replace('http', 'ws')

// A browser cannot send headers with a WebSocket, so the token travels in the connection's parameters.
function connectionParams(headers = {}) {
  const authorization = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')
  return authorization && { Authorization: authorization[1] }
}

// One lazy client per operation, because the headers may have changed since the last one.
// It reconnects with growing, random waits, except when the server says that the token is over.
function socket(headers) {
  return createClient({
    url: socketEndpoint.href,
    lazy: true,
    connectionParams: connectionParams(headers),
    retryAttempts: 10,
    shouldRetry: (event) => event instanceof CloseEvent && event.code !== FORBIDDEN,
  })
}

export function fetcher(operation, options) {
  const ask = createGraphiQLFetcher({
    url: endpoint.href,
    fetch: fetchJson,
    headers: { accept: 'application/graphql-response+json, application/json' },
    enableIncrementalDelivery: false,
    wsClient: socket(options?.headers),
  })
  return ask(operation, options)
}
