import type { ComponentType, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import iconUrl from "./icon.svg";
import { account } from "./api/account";
import { reachable } from "./api/http";
import { outdated, useQuery } from "./query";
import { href, useRoute, type Route } from "./router";
import { session, signOut, type Session } from "./session";
import { useObservable } from "./store";
import { Button } from "./ui/button";
import { CodeIcon, ListIcon, NodesIcon, OutIcon, OverviewIcon, PeopleIcon, SendIcon, WebhookIcon } from "./ui/icons";
import { Reveals } from "./ui/once";
import { Empty, words } from "./ui/states";
import { Foreign } from "./ui/text";
import { ThemeButton } from "./ui/theme_button";
import { Toasts } from "./ui/toast";
import { AccountCatalogue, OperatorCatalogue } from "./views/catalogue";
import { Deliveries } from "./views/deliveries/screen";
import { AccountDeliveries, AccountDetail } from "./views/operator/account";
import { Accounts } from "./views/operator/accounts";
import { Nodes } from "./views/operator/nodes";
import { OperatorOverview } from "./views/operator/overview";
import { Publish } from "./views/operator/publish";
import { Overview } from "./views/overview";
import { SignIn } from "./views/sign_in";
import { EditWebhook, NewWebhook } from "./views/webhooks/form";
import { Webhooks } from "./views/webhooks/list";
import { WebhookDetail } from "./views/webhooks/webhook";

interface Place {
  path: string;
  label: string;
  icon: (props: { class?: string }) => JSX.Element;
}
const kAccountPlaces: Place[] = [
  { path: "", label: "Overview", icon: OverviewIcon },
  { path: "webhooks", label: "Webhooks", icon: WebhookIcon },
  { path: "deliveries", label: "Deliveries", icon: ListIcon },
  { path: "events", label: "Events", icon: CodeIcon },
];
const kOperatorPlaces: Place[] = [
  { path: "", label: "Overview", icon: OverviewIcon },
  { path: "accounts", label: "Accounts", icon: PeopleIcon },
  { path: "publish", label: "Publish", icon: SendIcon },
  { path: "events", label: "Events", icon: CodeIcon },
  { path: "nodes", label: "Nodes", icon: NodesIcon },
];

function accountView(route: Route): [string, JSX.Element] {
  const [first, second, third] = route.path;
  const id = Number(second);
  if (first === undefined) return ["Overview", <Overview />];
  if (first === "webhooks" && second === undefined) return ["Webhooks", <Webhooks />];
  if (first === "webhooks" && second === "new") return ["New webhook", <NewWebhook />];
  if (first === "webhooks" && Number.isInteger(id) && third === undefined) return ["Webhook", <WebhookDetail key={id} id={id} />];
  if (first === "webhooks" && Number.isInteger(id) && third === "edit") return ["Edit webhook", <EditWebhook key={id} id={id} />];
  if (first === "deliveries") return ["Deliveries", <Deliveries />];
  if (first === "events") return ["Events", <AccountCatalogue />];
  return ["Not found", <Nowhere />];
}

function operatorView(route: Route): [string, JSX.Element] {
  const [first, second, third] = route.path;
  const id = Number(second);
  if (first === undefined) return ["Overview", <OperatorOverview />];
  if (first === "accounts" && second === undefined) return ["Accounts", <Accounts />];
  if (first === "accounts" && Number.isInteger(id) && third === undefined) return ["Account", <AccountDetail key={id} id={id} />];
  if (first === "accounts" && Number.isInteger(id) && third === "deliveries") return ["Deliveries", <AccountDeliveries key={id} id={id} />];
  if (first === "publish") return ["Publish", <Publish />];
  if (first === "events") return ["Events", <OperatorCatalogue />];
  if (first === "nodes") return ["Nodes", <Nodes />];
  return ["Not found", <Nowhere />];
}

const Nowhere: ComponentType = () => (
  <div class="card">
    <h1 class="visually-hidden">Not found</h1>
    <Empty title="There is no such page" actions={<a class="button" href={href("")}>To the overview</a>}>The address may be mistyped, or it belongs to another kind of key.</Empty>
  </div>
);

export function App(): JSX.Element {
  const current = useObservable(session);
  return (
    <>
      <Away />
      {current ? <Frame key={current.key} session={current} /> : <SignIn />}
      <Toasts />
    </>
  );
}

// Said once, for the whole page; everything reads itself again when the server is back.
function Away(): JSX.Element {
  const there = useObservable(reachable);
  const problem = useObservable(outdated);
  return (
    <div role="status">
      {!there && <div class="banner"><span class="spin" aria-hidden="true" />The server cannot be reached. Trying again…</div>}
      {there && problem && <div class="banner"><span>What you see may be out of date. {words(problem)} It is asked for again by itself.</span></div>}
    </div>
  );
}

function Frame({ session: current }: { session: Session }): JSX.Element {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const places = current.role === "operator" ? kOperatorPlaces : kAccountPlaces;
  const [title, view] = current.role === "operator" ? operatorView(route) : accountView(route);
  const path = route.path.join("/");
  const first = useRef(true);
  useEffect(() => {
    document.title = `${title} · Skyhook`;
    // A new screen starts at its top, and a screen reader starts there too; filters and drawers leave things where they are.
    if (first.current) {
      first.current = false;
      return;
    }
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [path, title]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to content</a>
      <div class="frame">
        <header class="rail">
          <a class="brand" href={href("")}><img src={iconUrl} alt="" />Skyhook</a>
          <nav aria-label="Main">
            {places.map(({ path: to, label, icon: Icon }) => (
              <a key={to} href={href(to)} aria-current={(route.path[0] ?? "") === to ? "page" : undefined}><Icon />{label}</a>
            ))}
          </nav>
          <div class="foot">
            {current.role === "account" ? <AccountName /> : <div class="who"><b>Operator</b><span class="muted small">sees every account</span></div>}
            <div class="row">
              <ThemeButton />
              <Button kind="plain" small onClick={() => signOut()}><OutIcon />Sign out</Button>
            </div>
          </div>
        </header>
        <main id="main" ref={main} tabIndex={-1} aria-label={title}><Reveals>{view}</Reveals></main>
      </div>
    </>
  );
}

function AccountName(): JSX.Element {
  const me = useQuery("me", account.me);
  return (
    <div class="who">
      <b class="truncate">{me.data ? <Foreign>{me.data.name}</Foreign> : "\u00a0"}</b>
      <span class="muted small">{me.data ? `Account ${me.data.id}` : "\u00a0"}</span>
    </div>
  );
}
