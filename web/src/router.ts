import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";
import { atWork } from "./i18n";

const routes: RouteRecordRaw[] = [
  { path: "/", component: atWork(() => import("./views/StaffHome.vue")) },
  { path: "/new", component: atWork(() => import("./views/NewMeeting.vue")) },
  { path: "/j/:code", component: () => import("./views/JoinLink.vue"), props: true },
  { path: "/t", component: () => import("./views/JoinToken.vue") },
  { path: "/admin", component: atWork(() => import("./views/AdminHome.vue")) },
  { path: "/u/:code", component: atWork(() => import("./views/AccountLink.vue")), props: true },
  { path: "/pool", component: atWork(() => import("./views/PoolView.vue")) },
  { path: "/agency", component: atWork(() => import("./views/AgencyHome.vue")) },
  { path: "/ledger", component: atWork(() => import("./views/LedgerView.vue")) },
  { path: "/hearing/:meeting", component: atWork(() => import("./views/HearingView.vue")), props: true },
  { path: "/s/:code", component: atWork(() => import("./views/StaffLink.vue")), props: true },
  { path: "/connection", component: atWork(() => import("./views/ConnectionView.vue")) },
  { path: "/screen", component: atWork(() => import("./views/ScreenView.vue")) },
  { path: "/:rest(.*)*", component: () => import("./views/NotFound.vue") },
];

// Pages on made-up meetings, to look at while working. Left out of the build that is served.
if (import.meta.env.DEV || import.meta.env.MODE === "gallery") {
  routes.unshift(
    { path: "/gallery", component: atWork(() => import("./dev/GalleryIndex.vue")) },
    { path: "/gallery/components", component: atWork(() => import("./dev/ComponentsView.vue")) },
    { path: "/gallery/desk/:scene", component: atWork(() => import("./dev/DeskView.vue")), props: true },
    { path: "/gallery/:scene", component: atWork(() => import("./dev/GalleryView.vue")), props: true },
  );
}

export const router = createRouter({ history: createWebHistory("/"), routes });
