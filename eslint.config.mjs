import prettier from "eslint-config-prettier";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  globalIgnores([
    "**/dist/",
    "artifacts/",
    "cache/",
    "coverage/",
    "exports/",
    "ignition/deployments/",
    "typechain-types/",
  ]),
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // Numbers and bigints in messages are what the messages are for.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // Hardhat's network helpers and ethers' contract methods are bound, though their types do not say so.
      "@typescript-eslint/unbound-method": "off",
      "no-restricted-syntax": [
        "error",
        { selector: "TSEnumDeclaration", message: "Use a union type instead of an enum." },
        { selector: "ExportDefaultDeclaration", message: "Use a named export." },
      ],
    },
  },
  {
    files: ["sdk/**", "keeper/**", "scripts/**", "examples/**"],
    rules: { "max-lines": ["error", { max: 250, skipBlankLines: true, skipComments: true }] },
  },
  {
    files: ["test/**"],
    rules: {
      // chai's property assertions (`expect(x).to.be.true`) are expressions by design.
      "@typescript-eslint/no-unused-expressions": "off",
      // What is missing in a test fails the test: an assertion says so where the line is read.
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  {
    files: ["*.config.*", "ignition/modules/**", "app/*.config.*"],
    rules: {
      // Hardhat, ESLint, Vite and Ignition load default exports.
      "no-restricted-syntax": "off",
      // Hardhat's hooks are async by type, also where there is nothing to wait for.
      "@typescript-eslint/require-await": "off",
    },
  },
  { files: ["**/*.mjs"], extends: [tseslint.configs.disableTypeChecked] },
  prettier,
);
