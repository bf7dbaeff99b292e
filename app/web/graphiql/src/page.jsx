// The GraphiQL page of Fieldgraph. The workers come first: the editors look for them when they are made.
import 'graphiql/setup-workers/vite'
import { HISTORY_PLUGIN } from '@graphiql/plugin-history'
import { explorerPlugin } from '@graphiql/plugin-explorer'
import { GraphiQL } from 'graphiql'
import { createRoot } from 'react-dom/client'

import { fetcher } from './fetcher.js'
import mark from './mark.svg'
import { headersArePersisted, storage } from './storage.js'
import welcome from './welcome.graphql?raw'

const plugins = [HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })]
const headersHint = '// {"Authorization": "Bearer <token>"}\n'

createRoot(document.getElementById('page')).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={plugins}
    defaultQuery={welcome}
    defaultHeaders={headersHint}
    defaultEditorToolsVisibility="headers"
    inputValueDeprecation
    schemaDescription
    storage={storage}
    shouldPersistHeaders={headersArePersisted()}
    showPersistHeadersSettings
  >
    <GraphiQL.Logo>
      <span className="brand">
        <img src={mark} alt="" />
        Fieldgraph
        <a href="../docs/">Guide</a>
      </span>
    </GraphiQL.Logo>
  </GraphiQL>,
)
