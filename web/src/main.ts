import "virtual:fonts";
import "@fkui/theme-default/dist/theme-light.css";
import "@fkui/design/lib/fkui.css";
import "@fkui/design/lib/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/fkui.css";
import { TranslationPlugin, ValidationPlugin } from "@fkui/vue";
import { createPinia } from "pinia";
import sprite from "virtual:sprite";
import { createApp } from "vue";
import App from "./App.vue";
import { bridgeFkui, i18n } from "./i18n";
import { router } from "./router";
import { useMeeting } from "./stores/meeting";
import { usePage } from "./stores/page";
import { exposeSupport } from "./support";

function placeSprite(): void {
  const holder = document.createElement("div");
  holder.hidden = true;
  holder.innerHTML = sprite;
  document.body.append(holder);
}

placeSprite();
bridgeFkui();
const app = createApp(App).use(createPinia()).use(i18n).use(ValidationPlugin).use(TranslationPlugin).use(router);

/** Milliseconds until a page whose texts did not come is fetched anew: without any, only their keys could be shown. */
const ANEW = 3_000;

void usePage().settled().then(() => {
  if (i18n.global.availableLocales.length) app.mount("#app");
  else setTimeout(() => window.location.reload(), ANEW);
});
exposeSupport();
window.addEventListener("online", () => useMeeting().hurry());
