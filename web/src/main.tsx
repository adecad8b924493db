import { render } from "preact";
import "./theme";
import { App } from "./app";

const kFontPatienceMs = 400;

// The typeface comes with the page; drawn before it is there, everything would jump once.
const patience = new Promise((done) => window.setTimeout(done, kFontPatienceMs));
void Promise.race([document.fonts.load("14px Inter").catch(() => undefined), patience]).then(() => {
  render(<App />, document.getElementById("app") as HTMLElement);
});
