// The list of examples in the sidebar.
import { UnStyledButton, useGraphiQL } from '@graphiql/react'
import { parse } from 'graphql'
import { useState } from 'react'

import { domains, variablesOf } from './examples.js'
import { authorizationOf } from './headers.js'
import { isNarrow } from './narrow.js'

// A new tab speaks for whoever the one before spoke for.
function useOpen() {
  const { queryEditor, variableEditor, headerEditor, actions } = useGraphiQL(
    ({ queryEditor, variableEditor, headerEditor, actions }) => ({ queryEditor, variableEditor, headerEditor, actions }),
  )
  return async (example) => {
    const headers = headerEditor.getValue()
    const { text, missing } = await variablesOf(example, authorizationOf(headers))
    actions.addTab()
    queryEditor.setValue(example.document)
    // GraphiQL reads the document a moment later, and would run the operation of the tab before until then.
    const documentAST = parse(example.document)
    const [{ name }] = documentAST.definitions
    actions.setOperationFacts({ documentAST, operationName: name.value, operations: documentAST.definitions })
    variableEditor.setValue(text)
    headerEditor.setValue(headers)
    // On a phone the list lies over the editor.
    if (isNarrow() && !missing) actions.setVisiblePlugin(null)
    return missing
  }
}

function Example({ example, isOpening, missing, onOpen }) {
  return (
    <li>
      <UnStyledButton type="button" disabled={isOpening} onClick={onOpen}>
        {example.title}
      </UnStyledButton>
      {example.kind !== 'query' && <span className="example-mark">{example.kind}</span>}
      {example.needsAccount && <span className="example-mark">sign in first</span>}
      {missing && <p role="status">{missing}</p>}
    </li>
  )
}

function Examples() {
  const open = useOpen()
  const [{ path, missing }, setOpened] = useState({})
  const [isOpening, setIsOpening] = useState(false)
  const show = async (example) => {
    setIsOpening(true)
    setOpened({ path: example.path, missing: await open(example) })
    setIsOpening(false)
  }
  return (
    <section aria-label="Examples" className="examples">
      <h2>Examples</h2>
      {domains.map(({ name, examples }) => (
        <section key={name} aria-label={name}>
          <h3>{name}</h3>
          <ul>
            {examples.map((example) => (
              <Example
                key={example.path}
                example={example}
                isOpening={isOpening}
                missing={example.path === path && missing}
                onOpen={() => show(example)}
              />
            ))}
          </ul>
        </section>
      ))}
    </section>
  )
}

const ExamplesIcon = (props) => (
  <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" {...props}>
    <path d="M3 4.5h2M3 10h2M3 15.5h2M8.5 4.5H17M8.5 10H17M8.5 15.5H17" />
  </svg>
)

export const EXAMPLES_PLUGIN = { title: 'Examples', icon: ExamplesIcon, content: Examples }
