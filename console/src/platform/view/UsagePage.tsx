// What was used and what it cost: totals, a chart over time, sums of each group, rows, and the same as CSV. The question
// is part of the address, so it can be kept and sent to others.
import { useMemo } from "preact/hooks";
import { formatBriefly } from "../money";
import { texts } from "../texts";
import { findingsOf, type Findings } from "../findings";
import { kRowsMax, promptOf, queryOf, questionOf, tokensOf, type Question } from "../usage";
import type { UsageTotal } from "../wire";
import { Budgets } from "./Budgets";
import { Empty, Failure, LoadState, useDoing, useLoaded } from "./loading";
import { kNoNames, namesOf, type Names } from "./names";
import type { PageProps } from "./Pages";
import { UsageChart } from "./UsageChart";
import { UsageFilters } from "./UsageFilters";
import { GroupTable, RowTable } from "./UsageTables";

export function UsagePage({ platform, me, params }: PageProps) {
  const { admin } = platform;
  const question = useMemo(() => questionOf(params), [params.toString()]);
  const names = useLoaded(() => namesOf(admin), []);
  const loaded = useLoaded(async () => {
    const now = Date.now() / 1000;
    return { findings: await findingsOf(admin, question, now), question, now };
  }, [question]);
  return (
    <>
      <p class="lead quiet">{texts.usage.hint}</p>
      <UsageFilters question={question} names={names.data ?? kNoNames} />
      <LoadState loaded={loaded} />
      {loaded.data && <Answer {...loaded.data} names={names.data ?? kNoNames} />}
      <div class="page-buttons">
        <Csv platform={platform} question={question} />
        <button type="button" class="secondary" onClick={() => void loaded.reload()}>
          {texts.reload}
        </button>
      </div>
      <Budgets platform={platform} names={names.data ?? kNoNames} me={me} />
    </>
  );
}

function groupsAsked({ bucket, by }: Question): string[] {
  return by ? [bucket, by] : [bucket];
}

interface AnswerProps {
  findings: Findings;
  question: Question;
  now: number;
  names: Names;
}

function Answer({ findings, question, now, names }: AnswerProps) {
  const { usage, groups, charted, unsplit } = findings;
  const filtered = question.workspace || question.key || question.model || question.user;
  if (usage.data.length === 0) {
    return (
      <Empty title={texts.usage.empty} hint={filtered ? texts.usage.emptyFiltered : texts.usage.emptyHint}>
        {!filtered && (
          <a class="secondary" href="#/keys">
            {texts.usage.toKeys}
          </a>
        )}
      </Empty>
    );
  }
  return (
    <>
      <Tiles total={usage.total} currency={usage.currency} />
      {usage.has_more && (
        <p class="notice" role="status">
          {texts.usage.cut(kRowsMax)}
        </p>
      )}
      <UsageChart rows={charted} currency={usage.currency} question={question} now={now} names={names} />
      <GroupTable groups={groups} total={usage.total} by={question.by} currency={usage.currency} names={names} />
      {unsplit && <p class="quiet">{texts.usage.unsplit}</p>}
      <RowTable usage={usage} question={question} names={names} unsplit={unsplit} />
    </>
  );
}

function Tiles({ total, currency }: { total: UsageTotal; currency: string }) {
  const { usage } = texts;
  const prompt = promptOf(total);
  const tiles: [string, string, ...string[]][] = [
    [usage.cost, formatBriefly({ currency, amount: total.cost }, texts.locale)],
    [usage.requests, texts.count(total.requests)],
    [
      usage.tokens,
      texts.count(tokensOf(total)),
      `${usage.prompt} ${texts.count(prompt)}`,
      `${usage.answer} ${texts.count(total.output + total.reasoning)}`,
    ],
    [usage.cachedShare, texts.percent(prompt ? total.cached / prompt : 0), usage.cachedHint],
  ];
  return (
    <dl class="tiles">
      {tiles.map(([name, value, ...more]) => (
        <div key={name} class="tile">
          <dt>{name}</dt>
          <dd>{value}</dd>
          {more.map((line) => (
            <dd key={line} class="quiet">
              {line}
            </dd>
          ))}
        </div>
      ))}
    </dl>
  );
}

// With a session's cookie the browser downloads by itself; a key has to be sent by the page.
function Csv({ platform, question }: { platform: PageProps["platform"]; question: Question }) {
  const { admin } = platform;
  const doing = useDoing();
  const query = queryOf(question, Date.now() / 1000, groupsAsked(question));
  const words = doing.busy ? texts.working : texts.usage.csv;
  if (!admin.usesKey()) {
    return (
      <a class="secondary" href={admin.usageCsvPath(query)} download="usage.csv">
        {words}
      </a>
    );
  }
  const download = async () => {
    const address = URL.createObjectURL(await admin.usageCsv(query));
    const link = document.createElement("a");
    link.href = address;
    link.download = "usage.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };
  return (
    <>
      <button type="button" class="secondary" disabled={doing.busy} onClick={() => void doing.run(download)}>
        {words}
      </button>
      <Failure failure={doing.failure} />
    </>
  );
}
