// All accounts: found, looked at, created.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "../../api/http";
import { operator } from "../../api/operator";
import { plural } from "../../format";
import { invalidate, useQuery } from "../../query";
import { wholeSpan } from "../../range";
import { changeParams, closeOver, href, hrefWith, navigate, route, useRoute, wayOn } from "../../router";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { PlusIcon } from "../../ui/icons";
import { useReveal } from "../../ui/once";
import { SearchBox } from "../../ui/search";
import { Failure, NoMatch, Note, words } from "../../ui/states";
import { Foreign } from "../../ui/text";
import { AccountTable, NoAccounts } from "./account_table";
import { KeyDialog } from "./key";

const kRefreshMs = 15_000;
const kPage = 50;

export function Accounts(): JSX.Element {
  const { params } = useRoute();
  const page = Math.max(1, Math.floor(Number(params.get("page"))) || 1);
  const search = params.get("search")?.trim() ?? "";
  const accounts = useQuery(`accounts ${page} ${search}`, () => operator.health({ page, per_page: kPage, search }, wholeSpan("24h")), kRefreshMs);
  const { total, last_page: last = 1 } = accounts.data?.meta ?? {};
  const close = (): void => closeOver({ create: null });
  const none = accounts.data?.data.length === 0;
  return (
    <>
      <div class="head">
        <div class="titles"><h1>Accounts</h1><p>{total === undefined ? "\u00a0" : search ? `${plural(total, "account")} found` : plural(total, "account")}</p></div>
        <div class="actions">
          {(search || total !== 0) && <SearchBox label="Search accounts" placeholder="Name or id" />}
          <Button kind="primary" onClick={() => navigate(hrefWith({ create: 1 }), "over")}><PlusIcon />New account</Button>
        </div>
      </div>
      <div class="card">
        {accounts.error && !accounts.data ? <Failure error={accounts.error} onRetry={accounts.reload} />
          : none && search ? <NoMatch onClear={() => changeParams({ search: null, page: null })}>No account has “<Foreign>{search}</Foreign>” in its name, or as its id.</NoMatch>
          : none && page > 1 ? <NoMatch onClear={() => changeParams({ page: null })}>There is no such page of accounts.</NoMatch>
          : none ? <NoAccounts />
          : <AccountTable accounts={accounts.data?.data} range="24h" />}
        {last > 1 && (
          <nav class="more" aria-label="Pages">
            <Button disabled={page <= 1} onClick={() => navigate(hrefWith({ page: page - 1 }))}>Previous</Button>
            <span class="muted number">Page {page} of {last}</span>
            <Button disabled={page >= last} onClick={() => navigate(hrefWith({ page: page + 1 }))}>Next</Button>
          </nav>
        )}
      </div>
      {params.get("create") !== null && <CreateAccount onClose={close} />}
    </>
  );
}

function CreateAccount({ onClose }: { onClose: () => void }): JSX.Element {
  const reveal = useReveal();
  const [name, setName] = useState("");
  const [problems, setProblems] = useState<Record<string, string[]>>({});
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblems({});
    setFailure("");
    try {
      const goOn = wayOn();
      const made = await operator.create({ name });
      invalidate();
      // The entry of this dialog, where it is open still, becomes the account's.
      const isOpen = route().params.get("create") !== null;
      if (isOpen) changeParams({ create: null });
      reveal((close) => <KeyDialog title={<>Account <Foreign>{made.name}</Foreign> is ready</>} apiKey={made.api_key ?? ""} onClose={() => {
        close();
        goOn(href(`accounts/${made.id}`), isOpen ? "instead" : "further");
      }} />);
      return;
    } catch (error) {
      if (error instanceof ApiError && Object.keys(error.errors).length) setProblems(error.errors);
      else setFailure(words(error as Error));
    }
    setBusy(false);
  };
  return (
    <Dialog title="New account" onClose={onClose} footer={<><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" form="new-account" busy={busy}>Create account</Button></>}>
      <form id="new-account" class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <Field label="Name" value={name} onInput={setName} problems={problems.name} placeholder="Blue Door Bakery" hint="For people: which customer this is." autofocus />
        {failure && <Note tone="bad">{failure}</Note>}
      </form>
    </Dialog>
  );
}
