/** Every backend against the one suite, with what each declares it cannot do. */
import { backendContract } from "./backend-contract.ts";
import { a1111Bench, comfyBench, demoBench, sdServerBench } from "./benches.ts";

backendContract("AUTOMATIC1111", () => a1111Bench("a1111"));
backendContract("Forge", () => a1111Bench("forge"));
backendContract("SD.Next", () => a1111Bench("sdnext"));
backendContract("ComfyUI", () => comfyBench());
backendContract("sd-server", () => sdServerBench(), {
  noVae: "the VAE is chosen when the server is started",
  noPreviews: "its API has none",
  noSteps: "its API tells of whole jobs only",
});
backendContract("the demo renderer", () => demoBench(), {
  noLists: "it has no list: it reads whatever file a job names",
});
