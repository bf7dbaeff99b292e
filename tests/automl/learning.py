"""What trainings of machines are watched with."""

SHOWN = """id kind status failure stage progress bestScore figures options isStopRequested isWorkTraining
    isWorkStatusWaitForServerStart isWorkStatusServerFinished isWorkStatusServerError
    nnModel { id version seed level } machine { id }"""
LEARNED = """machineIsReRunMdc machineIsReRunIci machineIsReRunFe machineIsReRunEncDec machineIsReRunNnConfig
    machineIsReRunModel trainingNnModel { version } encDecConfiguration { sha256 encDecConfig }
    trainingTotalTrainingLineCount trainingTrainingTotalDelaySec trainingTypeMachineHardware
    trainingEvalLossSampleTraining trainingEvalLossSampleEvaluation trainingEvalLossSampleTrainingNoise
    trainingEvalLossSampleEvaluationNoise trainingEvalAccuracySampleTraining trainingEvalAccuracySampleEvaluation
    trainingEvalOutputsColsLossSampleEvaluation feColumnsFet feCountOfFet feColumnsInputsImportanceEvaluation
    encDecColumnsInfoInputEncodeCount encDecColumnsInfoOutputEncodeCount logWorkStatus machineColumnsErrors
    learningLineCount nnModels { totalCount } works { nodes { id } } dataLinesOperations { totalCount }"""
