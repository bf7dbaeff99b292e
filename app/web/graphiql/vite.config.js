// How the page becomes app/web/graphiql/dist.
import { defineConfig } from 'vite'

export default defineConfig({
  // Relative addresses: the page works wherever it is mounted.
  base: './',
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // Inlining depends on who asks for the icon first, and a rebuild must give the same bytes.
    assetsInlineLimit: 0,
    license: { fileName: 'LICENSES.md' },
    // The editor alone is 2.8 MB; "use client" means nothing outside a React server.
    chunkSizeWarningLimit: 3000,
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
})
