// The examples beside the editor. `examples/<domain>/<name>.graphql` begins with its title in a comment; a second comment
// says that it needs an account. `<name>.variables.graphql` beside it is a query for its variables: each is the first
// value of that name or alias in the answer. Its first comment says what is missing when there is none.
import { ask } from './api.js'

const DOMAINS = {
  accounts: 'Accounts',
  mapping: 'Mapping',
  wildlife: 'Wildlife',
  automl: 'Machines',
  social: 'Social',
  billing: 'Billing',
}
const KINDS = ['query', 'mutation', 'subscription']
const ACCOUNT = '# Needs an account.'

const sources = import.meta.glob('./examples/*/*.graphql', { query: '?raw', import: 'default', eager: true })

const comment = (line) => line.replace(/^#\s*/, '')

function example(path) {
  const document = sources[path]
  const [title, second] = document.split('\n')
  return {
    path,
    document,
    title: comment(title),
    needsAccount: second === ACCOUNT,
    kind: KINDS.find((kind) => new RegExp(`^${kind}\\b`, 'm').test(document)),
    variables: sources[path.replace(/\.graphql$/, '.variables.graphql')],
  }
}

const inOrder = (one, other) =>
  KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind) || one.title.localeCompare(other.title, 'en')

export const domains = Object.entries(DOMAINS).map(([domain, name]) => ({
  name,
  examples: Object.keys(sources)
    .filter((path) => path.startsWith(`./examples/${domain}/`) && !path.endsWith('.variables.graphql'))
    .map(example)
    .sort(inOrder),
}))

function collect(part, names, values) {
  for (const [name, value] of Object.entries(part ?? {})) {
    if (typeof value === 'object') collect(value, names, values)
    else if (names.includes(name)) values[name] ??= value
  }
  return values
}

// The text for the Variables editor, and what is missing.
export async function variablesOf({ document, variables }, authorization) {
  if (!variables) return { text: '', missing: '' }
  const names = Array.from(document.matchAll(/\$(\w+)\s*:/g), ([, name]) => name)
  const { data, errors } = await ask(variables, { authorization })
  const values = collect(data, names, {})
  const isComplete = names.every((name) => name in values)
  const missing = isComplete ? '' : (errors?.[0].message ?? comment(variables.split('\n')[0]))
  const text = JSON.stringify({ ...Object.fromEntries(names.map((name) => [name, ''])), ...values }, null, 2)
  return { text: missing ? `// ${missing}\n${text}` : text, missing }
}
