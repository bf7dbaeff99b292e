// Signing in with OpenStreetMap: this page begins it, and is what the browser comes back to.
// The secret that shows it is the same browser waits in this tab's storage, for the way there and back.
import { find } from '../pages/elements.js'
import { act, keep } from '../pages/graphql.js'

const SECRET = 'fieldgraph:osm-secret'
const START = `mutation { startOsmAuthorization(input: {}) {
  ... on OsmAuthorization { url secret }
  ... on Problem { message }
} }`
const SIGN_IN = `mutation ($input: SignInWithOsmInput!) { signInWithOsm(input: $input) {
  ... on SignedIn { token user { username } }
  ... on Problem { message }
} }`

const say = (text) => (find('[role=status]').textContent = text)

async function begin() {
  const { url, secret } = await act(START)
  sessionStorage.setItem(SECRET, secret)
  location.assign(url)
}

async function complete(code, state) {
  const secret = sessionStorage.getItem(SECRET)
  sessionStorage.removeItem(SECRET)
  if (!secret) throw new Error('This was not started here. Start again.')
  const { token, user } = await act(SIGN_IN, { input: { code, state, secret } })
  say(`You are signed in as ${user.username}.`)
  keep(token)
  find('#headers').value = JSON.stringify({ Authorization: `Bearer ${token}` })
  find('#in').hidden = false
}

// Whatever went wrong is said, and one may begin again.
async function attempt(deed) {
  find('#begin').hidden = true
  try {
    await deed()
  } catch (error) {
    say(error.message)
    find('#begin').hidden = false
  }
}

const cameBackWith = new URLSearchParams(location.search)
// Out of the address, the history and whatever the next page is told.
history.replaceState(null, '', location.pathname)
find('#begin').addEventListener('click', () => attempt(begin))
find('#copy').addEventListener('click', () => navigator.clipboard.writeText(find('#headers').value))
if (cameBackWith.has('code')) {
  attempt(() => complete(cameBackWith.get('code'), cameBackWith.get('state') ?? ''))
} else {
  if (cameBackWith.has('error')) say('OpenStreetMap did not let you in.')
  find('#begin').hidden = false
}
