// The build: one HTML file, one script, one style sheet; nothing inline, so that the page runs under
// `default-src 'self'`. `npm run dev` serves the sources and sends the API to a running `autark serve`.
import { defineConfig, type Plugin } from "vite";

// The server sends a policy as a header too; this one holds wherever the page is served from.
// Only in the build: Vite's development server injects styles inline.
function contentSecurityPolicy(): Plugin {
  const policy =
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "object-src 'none'; base-uri 'none'; form-action 'none'";
  return {
    name: "content-security-policy",
    apply: "build",
    transformIndexHtml: () => [
      { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: policy }, injectTo: "head-prepend" },
    ],
  };
}

const server = "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  plugins: [contentSecurityPolicy()],
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
  // An address, not a name: a bare system may not know "localhost", and Vite looks it up even to run the tests.
  server: { host: "127.0.0.1", proxy: { "/v1": server, "/health": server } },
});
