import { joined, type Texts } from "../texts";

export default joined(import.meta.glob<Texts>("./duty/*.json", { eager: true, import: "default" }));
