// What the page remembers. GraphiQL's history keeps the headers of every request, whatever its setting says;
// headers stay out of the browser's storage until the user switches that on in the settings. The token of whoever
// signed in here is never stored: it ends with this tab.
import { tokenIn } from './session.js'

const HISTORY = ['graphiql:queries', 'graphiql:favorites']
const TABS = 'graphiql:tabState'
const HEADERS = 'graphiql:headers'

export const headersArePersisted = () => localStorage.getItem('graphiql:shouldPersistHeaders') === 'true'

const isSecret = (key, headers) => (HISTORY.includes(key) && !headersArePersisted()) || Boolean(tokenIn(headers))

function withoutSecrets(key, value) {
  if (key === HEADERS) return isSecret(key, value) ? '' : value
  if (key !== TABS && !HISTORY.includes(key)) return value
  const kept = (name, part) => (name === 'headers' && part && isSecret(key, part) ? null : part)
  return JSON.stringify(JSON.parse(value), kept)
}

export const storage = {
  get length() {
    return localStorage.length
  },
  getItem: (key) => localStorage.getItem(key),
  removeItem: (key) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  setItem: (key, value) => localStorage.setItem(key, withoutSecrets(key, value)),
}
