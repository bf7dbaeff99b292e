// The headers of every tab say who is signed in, as long as nothing else was written there.
import { useGraphiQL } from '@graphiql/react'
import { useEffect } from 'react'

import { bearer, tokenIn } from './session.js'

export const headersHint = '// {"Authorization": "Bearer <token>"}\n'

const filled = (token) => JSON.stringify({ Authorization: bearer(token) }, null, 2)
const withoutComments = (text) => text.replace(/^\s*\/\/.*$/gm, '').trim()

export function authorizationOf(headers) {
  return /"authorization"\s*:\s*"([^"]*)"/i.exec(withoutComments(headers ?? ''))?.[1]
}

export function useHeaders(token) {
  const { editor, schema, introspect } = useGraphiQL((state) => ({
    editor: state.headerEditor,
    schema: state.schema,
    introspect: state.actions.introspect,
  }))
  useEffect(() => {
    if (!editor) return undefined
    const update = () => {
      const text = editor.getValue()
      // A tab that was left before somebody signed out, or in as somebody else.
      const isStale = (tokenIn(text) ?? token) !== token
      if (isStale || (token && !withoutComments(text))) editor.setValue(token ? filled(token) : headersHint)
    }
    update()
    // GraphiQL replaces the whole text for another tab or an entry of the history, and does so while it changes its
    // own state: ours comes right after. What is typed is left alone.
    const changes = editor.onDidChangeModelContent(({ isFlush }) => isFlush && queueMicrotask(update))
    return () => changes.dispose()
  }, [editor, token])
  // An installation may show its schema only to people it knows.
  useEffect(() => {
    if (editor && token && !schema) introspect()
  }, [editor, token])
}
