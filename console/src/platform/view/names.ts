// Names of ids, to be shown instead of them, and the models that are known.
import type { Admin } from "../admin";

export interface Names {
  workspace: Map<string, string>;
  key: Map<string, string>;
  models: string[];
}

export const kNoNames: Names = { workspace: new Map(), key: new Map(), models: [] };

const kModelsMax = 100;

export async function namesOf(admin: Admin): Promise<Names> {
  const byModel = new URLSearchParams({ by: "model" });
  const [workspaces, keys, used] = await Promise.all([
    admin.workspaces(),
    admin.keys({ include_disabled: true }),
    admin.usage(byModel, kModelsMax),
  ]);
  const models = [...keys.flatMap((key) => key.models), ...used.data.map((row) => row.model ?? "")];
  return {
    workspace: new Map(workspaces.map(({ id, name }) => [id, name])),
    key: new Map(keys.map(({ id, name }) => [id, name])),
    models: [...new Set(models)].filter(Boolean).sort(),
  };
}
