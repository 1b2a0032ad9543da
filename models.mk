# Every shipped model again, from data alone: `make -j2 models DATA=data`. A step that was stopped goes
# on where it was, one that is done is not done again. Hours on two free cores, one step a core:
# encoder .5, teacher 1, alone .4, cross .1 a fold, wrist .6, phone 2. `figures` and `ablation` train
# the same without a fold. In runs/KIND/FOLD, FOLD is what the run left out, or `all` of a shipped one.
RUNS := runs
MODELS := edge/models
VERSION := 0.3.0
LEADONE := $(BIN)/leadone
FOLDS := 0 1 2 3 4
percentile_of_wrist := 99.995
percentile_of_phone := 100
WITHOUTS := alone/0 no-pretraining/0 no-noise/0
CROSS := $(FOLDS:%=$(RUNS)/cross/%/model.safetensors)
ENCODER := $(RUNS)/encoder/encoder.safetensors
NEEDS_DATA = $(if $(DATA),,$(error name the recordings: make models DATA=data; get them by `leadone data get`))
FINETUNE = $(LEADONE) finetune --data $(DATA) --out $(@D) $(fold)
DISTILL = $(LEADONE) distill --data $(DATA) --out $(@D) $(fold) $(patsubst %,--teacher %,$(filter $(RUNS)/teacher/% $(RUNS)/alone/%,$(^D)))
QUANTIZE = $(LEADONE) quantize $(<D) --data $(DATA) --out $(@D) --model-version $(VERSION)
fold = $(if $(filter-out all,$*),--fold $*)
cross = $(patsubst %,--cross %,$(filter-out $(RUNS)/cross/$*,$(CROSS:%/model.safetensors=%)))

.PHONY: models figures ablation
.PRECIOUS: $(RUNS)/%/model.safetensors $(RUNS)/%/manifest.json
.SECONDARY:

models: $(MODELS)/wrist/manifest.json $(MODELS)/phone/manifest.json  ## train every shipped model again from DATA=folder (make -j2)

figures: $(FOLDS:%=$(RUNS)/wrist/%/int8/manifest.json)  ## and a model without each fold, scored on it
	$(BIN)/python benchmarks/cross_validate.py --data $(DATA) --bundles $(^D)

ablation: $(patsubst %,$(RUNS)/%/model.safetensors,wrist/0 $(WITHOUTS))  ## and without pretraining, teacher or noise
	$(BIN)/python benchmarks/ablation.py --data $(DATA) $(^D)

$(ENCODER): | $(VENV)/.full
	$(NEEDS_DATA)
	mkdir -p $(RUNS)
	$(BIN)/python benchmarks/lead_transfer.py kept --data $(DATA) > $(RUNS)/kept.txt
	$(LEADONE) pretrain --data $(DATA)/ptbxl --leave-out $(RUNS)/kept.txt --out $(@D) --epochs 120

$(RUNS)/teacher/%/model.safetensors: | $(VENV)/.full
	$(NEEDS_DATA)
	$(FINETUNE) --tier teacher --epochs 40

$(RUNS)/alone/%/model.safetensors: $(ENCODER)
	$(FINETUNE) --encoder $(ENCODER)

$(RUNS)/cross/%/model.safetensors: $(ENCODER)
	$(FINETUNE) --encoder $(ENCODER) --config benchmarks/cross.toml

TEACHERS := $(RUNS)/teacher/%/model.safetensors $(RUNS)/alone/%/model.safetensors

$(RUNS)/wrist/%/model.safetensors: $(TEACHERS) $(ENCODER)
	$(DISTILL) --encoder $(ENCODER)

$(RUNS)/no-pretraining/%/model.safetensors: $(TEACHERS)
	$(DISTILL)

$(RUNS)/no-noise/%/model.safetensors: $(TEACHERS) $(ENCODER)
	$(DISTILL) --encoder $(ENCODER) --config benchmarks/no-noise.toml

$(RUNS)/phone/%/model.safetensors: $(TEACHERS)
	$(DISTILL) --tier phone

$(RUNS)/wrist/%/int8/manifest.json: $(RUNS)/wrist/%/model.safetensors $(CROSS)
	$(QUANTIZE) $(cross) --name wrist-without-fold-$* --no-rhythm --no-compare

$(MODELS)/%/manifest.json: $(RUNS)/%/all/model.safetensors $(CROSS)
	$(QUANTIZE) $(cross) --name $* --percentile $(percentile_of_$*)
