// The build makes one HTML file, one script and one style sheet, with nothing inline, so the page runs under
// `default-src 'self'`. `npm run dev` serves the sources and passes API requests to a running `autark serve`.
import { defineConfig, type Plugin } from "vite";

// The server sends this policy as a header, too. This copy applies wherever the page is served from.
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
  // An address, because a minimal system may not resolve "localhost", and Vite looks it up even for tests.
  server: { host: "127.0.0.1", proxy: { "/v1": server, "/admin": server, "/health": server } },
});
