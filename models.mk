# Every shipped model again, from data alone: `make -j2 models DATA=data`. A step that was stopped goes
# on where it was, one that is done is not done again. Hours on two free cores, one step a core:
# encoder .5, teacher 1, wrist .7, phone 2, each of the five folds .2 (cross) and, for `figures`, 2.
RUNS := runs
WRIST := edge/models/wrist
LEADONE := $(BIN)/leadone
FOLDS := 0 1 2 3 4
CROSS := $(FOLDS:%=$(RUNS)/cross-%/model.safetensors)
ENCODER := $(RUNS)/encoder/encoder.safetensors
NEEDS_DATA = $(if $(DATA),,$(error name the recordings: make models DATA=data; get them by `leadone data get`))

.PHONY: models figures
.PRECIOUS: $(RUNS)/%/model.safetensors

models: $(WRIST)/manifest.json  ## train every shipped model again from DATA=folder (make -j2)

figures: $(FOLDS:%=$(RUNS)/student-%/int8/manifest.json)  ## and a model without each fold, scored on it
	$(BIN)/python benchmarks/cross_validate.py --data $(DATA) --bundles $(FOLDS:%=$(RUNS)/student-%/int8)

$(ENCODER): | $(VENV)/.full
	$(NEEDS_DATA)
	mkdir -p $(RUNS)
	$(BIN)/python benchmarks/lead_transfer.py kept --data $(DATA) > $(RUNS)/kept.txt
	$(LEADONE) pretrain --data $(DATA)/ptbxl --leave-out $(RUNS)/kept.txt --out $(@D) --epochs 120

$(RUNS)/teacher/model.safetensors: | $(VENV)/.full
	$(NEEDS_DATA)
	$(LEADONE) finetune --tier teacher --data $(DATA) --out $(@D) --epochs 40

$(RUNS)/teacher-%/model.safetensors: | $(VENV)/.full
	$(NEEDS_DATA)
	$(LEADONE) finetune --tier teacher --data $(DATA) --out $(@D) --epochs 40 --fold $*

$(RUNS)/cross-%/model.safetensors: $(ENCODER)
	$(LEADONE) finetune --config benchmarks/cross.toml --data $(DATA) --out $(@D) --encoder $(ENCODER) --fold $*

$(RUNS)/student/model.safetensors: $(RUNS)/teacher/model.safetensors $(ENCODER)
	$(LEADONE) distill --teacher $(RUNS)/teacher --data $(DATA) --out $(@D) --encoder $(ENCODER)

$(RUNS)/student-%/model.safetensors: $(RUNS)/teacher-%/model.safetensors $(ENCODER)
	$(LEADONE) distill --teacher $(RUNS)/teacher-$* --data $(DATA) --out $(@D) --encoder $(ENCODER) --fold $*

$(RUNS)/student-%/int8/manifest.json: $(RUNS)/student-%/model.safetensors $(CROSS)
	$(LEADONE) quantize $(<D) --data $(DATA) $(patsubst %,--cross %,$(filter-out $(RUNS)/cross-$*,$(CROSS:%/model.safetensors=%))) --no-rhythm --no-compare --out $(@D)

$(WRIST)/manifest.json: $(RUNS)/student/model.safetensors $(CROSS)
	$(LEADONE) quantize $(<D) --data $(DATA) $(patsubst %,--cross %,$(CROSS:%/model.safetensors=%)) --out $(@D)
