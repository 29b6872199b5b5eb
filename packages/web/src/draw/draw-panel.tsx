/**
 * The drawing tab: controls on one side, the picture on the other; one above the other on a phone.
 */

import type { ExtensionKind } from "@beeline/client";
import { BeelineError } from "@beeline/protocol";
import { Modal } from "@mantine/core";
import { useEffect, useReducer, useRef, useState } from "react";
import type { Picture } from "../gallery/gallery.ts";
import { PictureDetails } from "../gallery/picture-details.tsx";
import { EmptyStage, JobStage, PictureStage } from "../gallery/stage.tsx";
import { Thumbnails } from "../gallery/thumbnails.tsx";
import { useObjectUrl } from "../gallery/use-object-url.ts";
import { useLibrary } from "../library.tsx";
import { useLinkView } from "../link/link-context.tsx";
import { Problem } from "../problem.tsx";
import classes from "./draw.module.css";
import { changeForm, type DrawForm, PROTOCOL_LIMITS, sizeLike, toRequest } from "./draw-form.ts";
import { EMPTY_MASK, hasMask, type MaskHistory, visibleStrokes } from "./mask-history.ts";
import { ModelPicker } from "./model-picker.tsx";
import { Parameters } from "./parameters.tsx";
import type { DrawRequest } from "./pending-job.ts";
import { DrawBar, PromptBox } from "./prompt-box.tsx";
import { choicesOf } from "./resource-choices.ts";
import { SourcePanel } from "./source-panel.tsx";
import { readSource, renderMask, renderSource, type SourcePicture } from "./source-picture.ts";
import { storedForm, storeForm } from "./stored-form.ts";
import { useStudio } from "./studio-context.tsx";
import { useDrawKeys } from "./use-draw-keys.ts";

export function DrawPanel() {
  const { state, extension } = useLinkView();
  const { info, resources } = useLibrary();
  const studio = useStudio();
  const limits = info?.limits ?? PROTOCOL_LIMITS;
  const [form, onForm] = useReducer(
    (form: DrawForm, change: Partial<DrawForm>) => changeForm(form, change, limits),
    undefined,
    storedForm,
  );
  const [source, setSource] = useState<SourcePicture | undefined>();
  const [mask, setMask] = useState<MaskHistory>(EMPTY_MASK);
  const [isPreparing, setPreparing] = useState(false);
  const [problem, setProblem] = useState<BeelineError | undefined>();
  const [chosenKey, setChosenKey] = useState<string | undefined>();
  const [enlarged, setEnlarged] = useState(false);
  const stage = useRef<HTMLDivElement>(null);

  useEffect(() => storeForm(form), [form]);
  // A new job takes the stage, and its pictures keep it until the person chooses another.
  const jobId = studio.job?.id;
  useEffect(() => {
    if (jobId === undefined) return;
    setChosenKey(undefined);
    stage.current?.scrollIntoView({ block: "nearest" });
  }, [jobId]);

  const canUsePictures = info?.backend.img2img === true;
  const canMask = info?.backend.mask === true;
  const mode = canUsePictures ? form.mode : "txt2img";
  const { pictures, dropped } = studio.gallery;
  const chosen = pictures.find(({ key }) => key === chosenKey);
  // The picture that just landed stays until the next one of the same job begins to show.
  const landed = pictures.find((picture) => picture.jobId === jobId);
  const resting = studio.job === undefined ? pictures[0] : undefined;
  const shown = chosen ?? resting ?? (studio.job?.preview === undefined ? landed : undefined);
  const obstacle = obstacleTo(
    state === "linked",
    extension,
    mode === "img2img" && source === undefined,
  );

  async function draw(): Promise<void> {
    if (obstacle !== undefined || studio.job !== undefined || isPreparing) return;
    setPreparing(true);
    setProblem(undefined);
    try {
      const model = choicesOf(resources ?? []).find(({ value }) => value === form.model);
      studio.draw(await requestFor(), model?.label);
    } catch (thrown) {
      setProblem(BeelineError.from(thrown));
    } finally {
      setPreparing(false);
    }
  }

  async function requestFor(): Promise<DrawRequest> {
    const request = toRequest(form, resources ?? []);
    if (mode === "txt2img" || source === undefined) return { kind: "txt2img", request };
    const initImage = await renderSource(source, form);
    if (initImage.length > limits.inputImage) {
      throw new BeelineError(
        "LIMIT_EXCEEDED",
        "the picture is too large for this computer; choose a smaller size",
      );
    }
    const masked = canMask && hasMask(mask);
    return {
      kind: "img2img",
      request: {
        ...request,
        params: {
          ...request.params,
          initImage,
          ...(masked ? { maskImage: await renderMask(visibleStrokes(mask), form) } : {}),
          denoiseStrength: form.denoiseStrength,
          maskedOnly: masked && form.maskedOnly,
        },
      },
    };
  }

  function chooseSource(next: SourcePicture | undefined): void {
    setSource(next);
    setMask(EMPTY_MASK);
    if (next !== undefined) onForm({ mode: "img2img", ...sizeLike(next, form, limits) });
  }

  async function drawFrom(picture: Picture): Promise<void> {
    try {
      chooseSource(await readSource(picture.blob));
      onForm({ width: picture.width, height: picture.height });
    } catch (thrown) {
      setProblem(BeelineError.from(thrown));
    }
  }

  useDrawKeys({ onDraw: draw, onCancel: studio.cancel });

  const error = problem ?? studio.error;
  return (
    <div className={classes.panel}>
      <div className={classes.controls}>
        <div className={classes.prompt}>
          <PromptBox form={{ ...form, mode }} canUsePictures={canUsePictures} onForm={onForm} />
        </div>
        {mode === "img2img" && (
          <div className={classes.sourceArea}>
            <SourcePanel
              form={form}
              source={source}
              mask={mask}
              canMask={canMask}
              onForm={onForm}
              onSource={chooseSource}
              onMask={setMask}
            />
          </div>
        )}
        <div className={classes.parameters}>
          <ModelPicker form={form} info={info} resources={resources} onForm={onForm} />
          <Parameters
            form={form}
            limits={limits}
            samplers={info?.backend.samplers ?? []}
            lastSeed={(chosen ?? pictures[0])?.seed}
            onForm={onForm}
          />
        </div>
        <DrawBar
          job={studio.job}
          obstacle={obstacle}
          isPreparing={isPreparing}
          onDraw={draw}
          onCancel={studio.cancel}
        />
      </div>
      <div className={classes.results}>
        {info?.backend.demo === true && <DemoBanner />}
        {error !== undefined && (
          <Problem
            error={error}
            onClose={() => {
              setProblem(undefined);
              studio.dismissError();
            }}
          />
        )}
        <div ref={stage} className={classes.stageArea}>
          {shown !== undefined ? (
            <PictureStage picture={shown} onEnlarge={() => setEnlarged(true)} />
          ) : studio.job !== undefined ? (
            <JobStage job={studio.job} />
          ) : (
            <EmptyStage />
          )}
        </div>
        {shown !== undefined && (chosen ?? resting) !== undefined && (
          <PictureDetails
            picture={shown}
            onUse={canUsePictures ? drawFrom : undefined}
            onSeed={(seed) => onForm({ seed })}
            onRemove={studio.remove}
          />
        )}
        {pictures.length > 0 && (
          <Thumbnails
            pictures={pictures}
            chosen={shown?.key}
            dropped={dropped}
            onChoose={(picture) => setChosenKey(picture.key)}
          />
        )}
      </div>
      {shown !== undefined && (
        <Modal
          opened={enlarged}
          onClose={() => setEnlarged(false)}
          fullScreen
          title={`Seed ${shown.seed}`}
        >
          <FullSize picture={shown} />
        </Modal>
      )}
    </div>
  );
}

/** Nobody may take the demo for Stable Diffusion. */
function DemoBanner() {
  return (
    <div className={classes.demo} role="note" data-testid="demo-banner">
      <b>Demo renderer.</b> Beeline draws these pictures itself, without Stable Diffusion.
    </div>
  );
}

function FullSize({ picture }: { readonly picture: Picture }) {
  const url = useObjectUrl(picture.blob);
  return (
    <div className={classes.fullSize}>
      <img {...(url === undefined ? {} : { src: url })} alt={picture.draw.request.params.prompt} />
    </div>
  );
}

function obstacleTo(
  isLinked: boolean,
  extension: ExtensionKind | undefined,
  lacksPicture: boolean,
): string | undefined {
  if (!isLinked) return "Your computer is not connected.";
  if (extension === "shipped") {
    return (
      "The Civitai Link extension on your computer manages models and does not draw. " +
      "Pair “beeline extension” there instead, by a new key of this link."
    );
  }
  return lacksPicture ? "Choose a picture to draw from first." : undefined;
}
