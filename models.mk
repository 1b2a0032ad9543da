# Every shipped model again, from data alone: `make -j2 models DATA=data`. A step that was stopped goes
# on where it was, one that is done is not done again. Hours on two free cores, one step a core:
# encoder .5, teacher .6, rhythm teachers .7 each, cross .1 a fold, wrist .9, phone 2; DEVICE=cuda
# takes minutes. `figures` and `ablation` train the same without a fold. In runs/KIND/FOLD, FOLD is
# what the run left out, or `all` of a shipped one; of rhythm teachers the fold is CinC 2017's.
RUNS := runs
MODELS := edge/models
SHIPPED := wrist phone
VERSION := 0.4.3
DEVICE := cpu
LEADONE := $(BIN)/leadone
FOLDS := 0 1 2 3 4
percentile_of_wrist := 99.995
percentile_of_phone := 100
WITHOUTS := no-teacher/1 no-rhythm-teacher/1 no-pretraining/1 no-noise/1
RHYTHM_TEACHERS := $(foreach k,2 3 4,$(RUNS)/rhythm/$k/rhythm.safetensors)
CROSS := $(FOLDS:%=$(RUNS)/cross/%/model.safetensors)
ENCODER := $(RUNS)/encoder/encoder.safetensors
NEEDS_DATA = $(if $(DATA),,$(error name the recordings: make models DATA=data; get them by `leadone data get`))
FINETUNE = $(LEADONE) finetune --data $(DATA) --out $(@D) --device $(DEVICE) $(fold)
DISTILL = $(LEADONE) distill --data $(DATA) --out $(@D) --device $(DEVICE) $(fold) $(patsubst %,--teacher %,$(filter $(RUNS)/teacher/%,$(^D))) \
  $(patsubst %,--rhythm-teacher %,$(filter $(RUNS)/rhythm/%,$(^D)))
QUANTIZE = $(LEADONE) quantize $(<D) --data $(DATA) --out $(@D) --model-version $(VERSION)
BUNDLE = $(QUANTIZE) $(cross) --percentile $(percentile_of_$1) $(if $(fold),--name $1-without-fold-$* --no-compare,--name $1)
fold = $(if $(filter-out all,$*),--fold $*)
cross = $(patsubst %,--cross %,$(filter-out $(RUNS)/cross/$*,$(CROSS:%/model.safetensors=%)))

.PHONY: models figures ablation
.PRECIOUS: $(RUNS)/%/model.safetensors $(RUNS)/%/manifest.json
.SECONDARY:

models: $(SHIPPED:%=$(RUNS)/%/all/int8/manifest.json)  ## train every shipped model again from DATA=folder (make -j2)
	for m in $(SHIPPED); do cp $(RUNS)/$$m/all/int8/* $(RUNS)/$$m/all/log.jsonl $(MODELS)/$$m/; mv $(MODELS)/$$m/log.jsonl $(MODELS)/$$m/training-log.jsonl; done

figures: $(FOLDS:%=$(RUNS)/wrist/%/int8/manifest.json)  ## and a model without each fold, scored on it
	$(BIN)/python benchmarks/cross_validate.py --data $(DATA) --bundles $(^D)

ablation: $(patsubst %,$(RUNS)/%/model.safetensors,wrist/1 $(WITHOUTS))  ## and without pretraining, teacher or noise
	$(BIN)/python benchmarks/ablation.py --data $(DATA) $(^D)

$(ENCODER): | $(VENV)/.full
	$(NEEDS_DATA)
	mkdir -p $(RUNS)
	$(BIN)/python benchmarks/lead_transfer.py kept --data $(DATA) > $(RUNS)/kept.txt
	$(LEADONE) pretrain --data $(DATA)/ptbxl --leave-out $(RUNS)/kept.txt --out $(@D) --epochs 120

$(RUNS)/teacher/%/model.safetensors: | $(VENV)/.full
	$(NEEDS_DATA)
	$(FINETUNE) --tier teacher --config benchmarks/teacher.toml

$(RUNS)/rhythm/%/rhythm.safetensors: | $(VENV)/.full
	$(NEEDS_DATA)
	$(FINETUNE) --tier rhythm

$(RUNS)/cross/%/model.safetensors: $(ENCODER)
	$(FINETUNE) --encoder $(ENCODER) --config benchmarks/cross.toml

TEACHER := $(RUNS)/teacher/%/model.safetensors

$(RUNS)/wrist/%/model.safetensors: $(TEACHER) $(RHYTHM_TEACHERS) $(ENCODER)
	$(DISTILL) --encoder $(ENCODER)

$(RUNS)/phone/%/model.safetensors: $(TEACHER) $(RHYTHM_TEACHERS)
	$(DISTILL) --tier phone

$(RUNS)/no-teacher/%/model.safetensors: $(RHYTHM_TEACHERS) $(ENCODER)
	$(DISTILL) --encoder $(ENCODER)

$(RUNS)/no-rhythm-teacher/%/model.safetensors: $(TEACHER) $(ENCODER)
	$(DISTILL) --encoder $(ENCODER)

$(RUNS)/no-pretraining/%/model.safetensors: $(TEACHER) $(RHYTHM_TEACHERS)
	$(DISTILL)

$(RUNS)/no-noise/%/model.safetensors: $(TEACHER) $(RHYTHM_TEACHERS) $(ENCODER)
	$(DISTILL) --encoder $(ENCODER) --config benchmarks/no-noise.toml

$(RUNS)/wrist/%/int8/manifest.json: $(RUNS)/wrist/%/model.safetensors $(CROSS)
	$(call BUNDLE,wrist)

$(RUNS)/phone/%/int8/manifest.json: $(RUNS)/phone/%/model.safetensors $(CROSS)
	$(call BUNDLE,phone)
