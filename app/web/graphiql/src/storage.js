// What the page remembers. GraphiQL's history keeps the headers of every request, whatever its setting says;
// tokens stay out of the browser's storage until the user switches that on in the settings.
const HISTORY = ['graphiql:queries', 'graphiql:favorites']

export const headersArePersisted = () => localStorage.getItem('graphiql:shouldPersistHeaders') === 'true'

const withoutHeaders = (value) =>
  JSON.stringify(JSON.parse(value), (name, part) => (name === 'headers' ? undefined : part))

export const storage = {
  get length() {
    return localStorage.length
  },
  getItem: (key) => localStorage.getItem(key),
  removeItem: (key) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  setItem(key, value) {
    const secret = HISTORY.includes(key) && !headersArePersisted()
    localStorage.setItem(key, secret ? withoutHeaders(value) : value)
  },
}
