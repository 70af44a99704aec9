import { joined, type Texts } from "../texts";

export default joined(import.meta.glob<Texts>("./work/*.json", { eager: true, import: "default" }));
