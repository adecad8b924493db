// A search whose words are in the address.
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { changeParams, useRoute } from "../router";
import { SearchIcon } from "./icons";

export function SearchBox({ label, placeholder }: { label: string; placeholder: string }): JSX.Element {
  const id = useId();
  const search = useRoute().params.get("search") ?? "";
  return (
    <div class="search" role="search">
      <label class="visually-hidden" for={id}>{label}</label>
      <SearchIcon />
      <input id={id} class="input" type="search" placeholder={placeholder} value={search}
             onInput={(event) => changeParams({ search: event.currentTarget.value, page: null })} />
    </div>
  );
}
