// The GraphiQL page of Fieldgraph. The workers come first: the editors look for them when they are made.
import 'graphiql/setup-workers/vite'
import { HISTORY_PLUGIN } from '@graphiql/plugin-history'
import { explorerPlugin } from '@graphiql/plugin-explorer'
import { GraphiQL } from 'graphiql'
import { createRoot } from 'react-dom/client'

import { Account } from './account.jsx'
import { EXAMPLES_PLUGIN } from './examples.jsx'
import { fetcher } from './fetcher.js'
import { headersHint } from './headers.js'
import mark from './mark.svg'
import { isNarrow } from './narrow.js'
import { headersArePersisted, storage } from './storage.js'
import welcome from './welcome.graphql?raw'

const plugins = [EXAMPLES_PLUGIN, HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })]
// Whoever comes again has the sidebar as they left it.
const isFirstVisit = storage.getItem('graphiql:tabState') === null

createRoot(document.getElementById('page')).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={plugins}
    visiblePlugin={isFirstVisit && !isNarrow() ? EXAMPLES_PLUGIN : undefined}
    defaultQuery={welcome}
    defaultHeaders={headersHint}
    defaultEditorToolsVisibility={isNarrow() ? false : 'variables'}
    inputValueDeprecation
    schemaDescription
    storage={storage}
    shouldPersistHeaders={headersArePersisted()}
    showPersistHeadersSettings
  >
    <GraphiQL.Logo>
      <span className="brand">
        <a href="../" className="brand-name">
          <img src={mark} alt="" />
          Fieldgraph
        </a>
        <a href="../docs/">Guide</a>
        <Account />
      </span>
    </GraphiQL.Logo>
  </GraphiQL>,
)
