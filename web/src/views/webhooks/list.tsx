import type { JSX } from "preact";
import { account } from "../../api/account";
import type { Webhook } from "../../api/types";
import { useQuery } from "../../query";
import { spanOf } from "../../range";
import { changeParams, href, useRoute } from "../../router";
import { PlusIcon, WebhookIcon } from "../../ui/icons";
import { SearchBox } from "../../ui/search";
import { Empty, Failure, NoMatch } from "../../ui/states";
import { Foreign } from "../../ui/text";
import { covers } from "./events";
import { WebhookTable } from "./table";

const kRefreshMs = 15_000;

export function Webhooks(): JSX.Element {
  const search = useRoute().params.get("search") ?? "";
  const webhooks = useQuery("webhooks", account.webhooks, kRefreshMs);
  const health = useQuery("health 24h", () => account.health(spanOf("24h")), kRefreshMs);
  const shown = webhooks.data?.filter((one) => matches(one, search));
  const add = <a class="button primary" href={href("webhooks/new")}><PlusIcon />New webhook</a>;
  return (
    <>
      <div class="head">
        <div class="titles"><h1>Webhooks</h1></div>
        <div class="actions">
          {webhooks.data?.length !== 0 && <><SearchBox label="Search webhooks" placeholder="Name, URL or event" />{add}</>}
        </div>
      </div>
      <div class="card">
        {webhooks.error && !webhooks.data ? <Failure error={webhooks.error} onRetry={webhooks.reload} /> : webhooks.data?.length === 0 ? (
          <Empty title="No webhooks yet" icon={<WebhookIcon />} actions={add}>
            Say where your events shall go: an https address of yours, and which events it wants.
          </Empty>
        ) : shown?.length === 0 ? (
          <NoMatch onClear={() => changeParams({ search: null })}>No webhook has “<Foreign>{search}</Foreign>” in its name, URL or events.</NoMatch>
        ) : <WebhookTable webhooks={shown} health={health.data} range="24h" target={(id) => href(`webhooks/${id}`)} />}
      </div>
    </>
  );
}

const matches = (webhook: Webhook, search: string): boolean => {
  const wanted = search.trim().toLowerCase();
  return !wanted || [webhook.name, webhook.url, ...webhook.events].some((text) => text.toLowerCase().includes(wanted))
    || webhook.events.some((pattern) => covers(pattern, wanted));
};
