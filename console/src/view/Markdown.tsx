// Shows Markdown block by block. A block whose source has not changed keeps its elements and so the selection.
import { useMemo } from "preact/hooks";
import { blocksOf, type Block } from "../chat/markdown";

export function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => blocksOf(text), [text]);
  return (
    <div class="markdown">
      {blocks.map((block, at) => (
        <BlockView key={at} block={block} />
      ))}
    </div>
  );
}

function BlockView({ block }: { block: Block }) {
  const html = useMemo(() => ({ __html: block.html() }), [block.raw]);
  return <div class="block" dangerouslySetInnerHTML={html} />;
}
