// Who is signed in. Our other pages keep the token under the same name: in this tab's storage, which ends with the tab.
import { ask } from './api.js'

const TOKEN = 'fieldgraph:token'
const WHO = '{ me { username } }'
const SIGN_IN = `mutation ($input: SignInInput!) { signIn(input: $input) {
  ... on SignedIn { token user { username } }
  ... on Problem { message }
} }`
const SIGN_OUT = 'mutation { signOut }'

// Every token that was kept here since the page was opened: headers may still show one that is over.
const tokens = new Set()

export const bearer = (token) => `Bearer ${token}`
export const tokenIn = (text) => [...tokens].find((token) => text.includes(token))

function keep(token) {
  tokens.add(token)
  sessionStorage.setItem(TOKEN, token)
}

const forget = () => sessionStorage.removeItem(TOKEN)

// Whose the stored token is. One that is over is forgotten; a server that does not answer says nothing about it.
export async function restore() {
  const token = sessionStorage.getItem(TOKEN)
  if (!token) return null
  tokens.add(token)
  const { data, errors } = await ask(WHO, { authorization: bearer(token) })
  if (data?.me) return { token, username: data.me.username }
  if (!errors || errors.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED')) forget()
  return null
}

export async function signIn(input) {
  const { data, errors } = await ask(SIGN_IN, { variables: { input } })
  const problem = errors?.[0].message ?? data.signIn.message
  if (problem) throw new Error(problem)
  const { token, user } = data.signIn
  keep(token)
  return { token, username: user.username }
}

// A session that is over already is no reason to stay signed in.
export async function signOut(token) {
  const { errors } = await ask(SIGN_OUT, { authorization: bearer(token) })
  const problem = errors?.find(({ extensions }) => extensions?.code !== 'UNAUTHENTICATED')
  if (problem) throw new Error(problem.message)
  forget()
}
