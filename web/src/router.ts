import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";
import { onDuty } from "./i18n";

const routes: RouteRecordRaw[] = [
  { path: "/", component: onDuty(() => import("./views/StaffHome.vue")) },
  { path: "/new", component: onDuty(() => import("./views/NewMeeting.vue")) },
  { path: "/j/:code", component: () => import("./views/JoinLink.vue"), props: true },
  { path: "/t", component: () => import("./views/JoinToken.vue") },
  { path: "/admin", component: onDuty(() => import("./views/AdminHome.vue")) },
  { path: "/u/:code", component: onDuty(() => import("./views/AccountLink.vue")), props: true },
  { path: "/pool", component: onDuty(() => import("./views/PoolView.vue")) },
  { path: "/agency", component: onDuty(() => import("./views/AgencyHome.vue")) },
  { path: "/ledger", component: onDuty(() => import("./views/LedgerView.vue")) },
  { path: "/hearing/:meeting", component: onDuty(() => import("./views/HearingView.vue")), props: true },
  { path: "/s/:code", component: onDuty(() => import("./views/StaffLink.vue")), props: true },
  { path: "/connection", component: onDuty(() => import("./views/ConnectionView.vue")) },
  { path: "/screen", component: onDuty(() => import("./views/ScreenView.vue")) },
  { path: "/:rest(.*)*", component: () => import("./views/NotFound.vue") },
];

// Pages on made-up meetings, to look at while working. Left out of the build that is served.
if (import.meta.env.DEV || import.meta.env.MODE === "gallery") {
  routes.unshift(
    { path: "/gallery", component: onDuty(() => import("./dev/GalleryIndex.vue")) },
    { path: "/gallery/components", component: onDuty(() => import("./dev/ComponentsView.vue")) },
    { path: "/gallery/desk/:scene", component: onDuty(() => import("./dev/DeskView.vue")), props: true },
    { path: "/gallery/:scene", component: onDuty(() => import("./dev/GalleryView.vue")), props: true },
  );
}

export const router = createRouter({ history: createWebHistory("/"), routes });
