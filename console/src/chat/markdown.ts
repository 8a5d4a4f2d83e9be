// Turns the Markdown of an answer into blocks of clean HTML. The text is not trusted: raw HTML stays text, images
// become links (nothing is loaded from elsewhere), and DOMPurify keeps only a short list of tags. Blocks are
// independent, so only the last block is rendered again while an answer grows.
import DOMPurify from "dompurify";
import { Marked, type Token, type Tokens } from "marked";
import { strings } from "../strings";
import { highlight } from "./highlight";

export interface Block {
  raw: string;
  html: () => string;
}

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => (/^<br\s*\/?>$/i.test(text.trim()) ? "<br>" : escapeHtml(text)),
    code: ({ text, lang }) => codeBlock(text, lang ?? ""),
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    image({ href, text }) {
      return `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`;
    },
    table(token) {
      return `<div class="table" tabindex="0">${tableOf(token, (cell) => this.parser.parseInline(cell.tokens))}</div>`;
    },
  },
});

export function blocksOf(markdown: string): Block[] {
  const tokens = marked.lexer(markdown);
  return tokens
    .filter((token) => token.type !== "space" && token.type !== "def")
    .map((token) => ({ raw: token.raw, html: () => clean(htmlOf(token)) }));
}

function htmlOf(token: Token): string {
  // Raw HTML between paragraphs is shown as text.
  if (token.type === "html") return `<p>${escapeHtml(token.raw.trimEnd())}</p>`;
  return marked.parser([token]);
}

function clean(html: string): string {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: [
      ..."p br hr h1 h2 h3 h4 h5 h6 strong em del code pre blockquote ul ol li a span div button".split(" "),
      ..."table thead tbody tr th td".split(" "),
    ],
    ALLOWED_ATTR: ["href", "title", "class", "align", "start", "type", "tabindex", "target", "rel"],
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#)/i,
    ADD_URI_SAFE_ATTR: ["align", "start", "type", "tabindex"],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

// The Copy button is handled by one listener on the whole thread (Thread.tsx).
function codeBlock(code: string, info: string): string {
  const language = info
    .trim()
    .split(/[\s{,:]/, 1)[0]!
    .toLowerCase();
  return (
    `<div class="code"><div class="code-head"><span>${escapeHtml(language || strings.plainCode)}</span>` +
    `<button type="button" class="copy-code">${strings.copy}</button></div>` +
    `<pre tabindex="0"><code>${highlight(code, language) ?? escapeHtml(code)}</code></pre></div>`
  );
}

function tableOf(token: Tokens.Table, inline: (cell: Tokens.TableCell) => string): string {
  const row = (cells: Tokens.TableCell[], tag: "th" | "td") =>
    "<tr>" +
    cells.map((c) => `<${tag}${c.align ? ` align="${c.align}"` : ""}>${inline(c)}</${tag}>`).join("") +
    "</tr>";
  const body = token.rows.map((cells) => row(cells, "td")).join("");
  return `<table><thead>${row(token.header, "th")}</thead><tbody>${body}</tbody></table>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
