import { render } from "preact";
import { Shelf } from "./chat/shelf";
import { Console } from "./console";
import { HttpServer } from "./server/server";
import { speak } from "./strings";
import { App } from "./view/App";

const shelf = Shelf.ofBrowser();
const page = new Console(new HttpServer(() => shelf.key()), shelf);

window.addEventListener("storage", (e) => {
  if (Shelf.isChat(e.key)) page.reload();
});
window.addEventListener("pagehide", () => page.saveWriting());
void page.connect();
// In the language of the last visit; English, if it cannot be loaded.
void speak(page.state.language).then(() => render(<App page={page} />, document.getElementById("app")!));
