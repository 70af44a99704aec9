import "@fontsource-variable/noto-sans/wght.css";
import "@fontsource-variable/noto-sans-arabic/wght.css";
import "@fontsource-variable/noto-sans-ethiopic/wght.css";
import "@fkui/theme-default/dist/theme-light.css";
import "@fkui/design/lib/fkui.css";
import "@fkui/design/lib/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/fkui.css";
import { createPinia } from "pinia";
import { createApp } from "vue";
import App from "./App.vue";
import { router } from "./router";

createApp(App).use(createPinia()).use(router).mount("#app");
