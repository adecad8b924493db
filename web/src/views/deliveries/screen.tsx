// The deliveries of one webhook: filtered, live, each a click from all there is to know of it.
import type { JSX } from "preact";
import { useCallback, useMemo } from "preact/hooks";
import type { Live } from "../../api/live";
import type { Webhook } from "../../api/types";
import { plural } from "../../format";
import { useQuery } from "../../query";
import { changeParams, closeOver, href, hrefWith, navigate, useRoute } from "../../router";
import { useScope } from "../../scope";
import { Button } from "../../ui/button";
import { ListIcon, ReplayIcon, RetryIcon, UpIcon } from "../../ui/icons";
import { Empty, Failure, NoMatch } from "../../ui/states";
import { Foreign } from "../../ui/text";
import { DeliveryDrawer } from "./drawer";
import { isFiltered, readFilter } from "./filter";
import { Filters } from "./filters";
import { kMany, useLog } from "./log";
import { RecoverDialog } from "./recover";
import { ReplayDialog } from "./replay";
import { LogRows } from "./rows";

const kBones = 10;

// `?webhook=…`, else the first there is.
function chosenId(asked: string | null, webhooks: Webhook[] | undefined): number | null {
  return asked !== null && Number.isInteger(Number(asked)) ? Number(asked) : (webhooks?.[0]?.id ?? null);
}

export function Deliveries(): JSX.Element {
  const scope = useScope();
  const { params } = useRoute();
  const webhooks = useQuery(`${scope.cache}webhooks`, scope.api.webhooks);
  const id = chosenId(params.get("webhook"), webhooks.data);
  const search = params.toString();
  const filter = useMemo(() => readFilter(params), [search]);
  const { log, live, changed, loadMore, reload, release, loadingMore } = useLog(id, filter);
  const open = params.get("open");
  const webhook = webhooks.data?.find((each) => each.id === id);
  const move = useCallback((uuid: string) => changeParams({ open: uuid, webhook: id }), [id]);
  const close = useCallback(() => closeOver({ open: null, recover: null, replay: null, webhook: id }), [id]);
  const ask = (what: "recover" | "replay"): void => navigate(hrefWith({ [what]: 1, webhook: id }), "over");

  if (webhooks.data?.length === 0) return <NoWebhooks />;
  return (
    <>
      <div class="head">
        <div class="titles">
          <div class="row"><h1>Deliveries</h1><LiveMark live={live} /></div>
          <p class="mono truncate">{webhook ? <Foreign>{webhook.url}</Foreign> : "\u00a0"}</p>
        </div>
        <div class="actions">
          {webhook && !scope.asOperator && <a class="button" href={href(`webhooks/${webhook.id}`)}>Open webhook</a>}
          <Button disabled={!webhook} onClick={() => ask("replay")}><ReplayIcon />Replay events…</Button>
          <Button disabled={!webhook} onClick={() => ask("recover")}><RetryIcon />Recover failed…</Button>
        </div>
      </div>
      <div class="card">
        <Filters webhooks={webhooks.data} id={id} filter={filter} seen={log.entries?.map((entry) => entry.event_type) ?? []} />
        <div class="pill-holder">{log.held > 0 && <Button kind="primary" small onClick={release}><UpIcon />{log.held === kMany ? "New deliveries" : plural(log.held, "new delivery", "new deliveries")}</Button>}</div>
        {log.error && !log.entries ? <Failure error={log.error} onRetry={reload} />
          : log.entries?.length === 0 ? <NothingShown webhook={webhook} filtered={isFiltered(filter)} more={log.more !== null} />
          : <LogRows over entries={log.entries} bones={kBones} open={open} fresh={log.fresh} target={(entry) => hrefWith({ open: entry.delivery_id, webhook: id })} />}
        {log.entries && (log.entries.length > 0 || log.more !== null) && (
          <div class="more">
            {log.more !== null ? <Button busy={loadingMore} onClick={() => void loadMore()}>Load older</Button> : <span class="muted small">This is the whole log{isFiltered(filter) ? " that matches" : ""}.</span>}
          </div>
        )}
      </div>
      {open && id !== null && <DeliveryDrawer key={id} webhookId={id} uuid={open} log={log.entries ?? []} onMove={move} onClose={close} />}
      {params.get("recover") !== null && webhook && <RecoverDialog key={webhook.id} webhook={webhook} changed={changed} onClose={close} onDone={reload} />}
      {params.get("replay") !== null && webhook && <ReplayDialog key={webhook.id} webhook={webhook} changed={changed} onClose={close} onDone={reload} />}
    </>
  );
}

function NoWebhooks(): JSX.Element {
  const { asOperator } = useScope();
  return (
    <>
      <div class="head"><div class="titles"><h1>Deliveries</h1></div></div>
      <div class="card">
        {asOperator ? <Empty title="No webhooks" icon={<ListIcon />}>This account has not created any yet, so nothing is delivered to it.</Empty> : (
          <Empty title="No deliveries yet" icon={<ListIcon />} actions={<a class="button primary" href={href("webhooks/new")}>New webhook</a>}>
            Deliveries appear here as soon as there is a webhook and an event for it.
          </Empty>
        )}
      </div>
    </>
  );
}

// `more`: a filter looked through as much of the log as one request may, and older entries are left.
function NothingShown({ webhook, filtered, more }: { webhook: Webhook | undefined; filtered: boolean; more: boolean }): JSX.Element {
  const { asOperator } = useScope();
  const clear = (): void => changeParams({ status: null, event: null, within: null, from: null, until: null });
  if (filtered) {
    return (
      <NoMatch onClear={clear}>
        No {more ? "recent delivery" : "delivery"} of {webhook ? <>“<Foreign>{webhook.name}</Foreign>”</> : "this webhook"} matches these filters.{more ? " Older ones may." : ""}
      </NoMatch>
    );
  }
  return (
    <Empty title="Nothing delivered yet" icon={<ListIcon />} actions={webhook && !asOperator && <a class="button" href={href(`webhooks/${webhook.id}`)}>Send a test</a>}>
      As soon as one of its events happens, its delivery appears here without reloading.
    </Empty>
  );
}

const kLive: Record<Live, { tone: string; text: string; title: string }> = {
  live: { tone: "good", text: "Live", title: "Changes appear as they happen." },
  polling: { tone: "warn", text: "Every 5 s", title: "The live stream is not available; the page asks every five seconds." },
  connecting: { tone: "", text: "Connecting…", title: "The live stream is being opened." },
};
function LiveMark({ live }: { live: Live }): JSX.Element {
  const { tone, text, title } = kLive[live];
  return <span class="live" title={title}><span class={`dot ${tone}`} />{text}</span>;
}
