"""The operations that a SavedModel may hold.

Everything that is not here is refused, so that nothing runs Python, reads or writes
files, prints, or talks to anybody. The loader's own are the only ones that touch files:
RestoreV2, SaveV2 and what stands beside them, and the tables' initialisation.
"""

LOADER = """
AssignVariableOp MergeV2Checkpoints ReadVariableOp RestoreV2 SaveV2 ShardedFilename
StaticRegexFullMatch StringJoin VarHandleOp VarIsInitializedOp
HashTableV2 InitializeTableV2 LookupTableExportV2 LookupTableFindV2 LookupTableImportV2
LookupTableSizeV2 MutableHashTableV2 StaticRegexReplace
"""
CONTROL = """
Assert Case DisableCopyOnRead EnsureShape Identity IdentityN If NoOp PartitionedCall
Placeholder PreventGradient StatefulPartitionedCall StatelessCase StatelessIf
StatelessWhile StopGradient While
"""
ARRAYS = """
BatchToSpaceND Bitcast BroadcastArgs BroadcastTo Cast ConcatV2 Const DepthToSpace
DynamicPartition DynamicStitch Empty ExpandDims Fill GatherNd GatherV2 InvertPermutation
LinSpace LowerBound MatrixBandPart MatrixDiagV3 MirrorPad OneHot OnesLike Pack Pad PadV2
ParallelDynamicStitch Rank Range Reshape ResourceGather ReverseSequence ReverseV2 Roll
ScatterNd Shape ShapeN Size Slice SpaceToBatchND SpaceToDepth Split SplitV Squeeze
StridedSlice TensorScatterAdd TensorScatterUpdate Tile Transpose Unique UniqueV2 Unpack
UnravelIndex UpperBound Where ZerosLike
TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather
TensorListGetItem TensorListLength TensorListPushBack TensorListReserve
TensorListResize TensorListSetItem TensorListSplit TensorListStack EmptyTensorList
RaggedBincount RaggedGather RaggedRange RaggedTensorToTensor RaggedTensorToVariant
SegmentMax SegmentSum UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentSum
"""
MATHS = """
Abs AddN AddV2 All Any ArgMax ArgMin BatchMatMulV2 BatchMatMulV3 BitwiseAnd BitwiseOr
BitwiseXor Ceil ClipByValue Cos Cumsum DivNoNan Einsum Elu Equal Erf Exp Expm1 FloorDiv
Floor FloorMod Greater GreaterEqual IsFinite IsInf IsNan LeftShift Less LessEqual Log
Log1p LogicalAnd LogicalNot LogicalOr MatMul Max Maximum Mean Min Minimum Mod Mul
MulNoNan Neg NotEqual Pow Prod RealDiv Reciprocal RightShift Rint Round Rsqrt Select
SelectV2 Sigmoid Sign Sin Sqrt Square SquaredDifference Sub Sum Tan Tanh TopKV2 Xdivy
Xlogy
StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg
StatelessRandomUniformFullIntV2 StatelessRandomUniformIntV2 StatelessRandomUniformV2
"""
NETWORKS = """
AvgPool BiasAdd Conv2D DepthwiseConv2dNative FusedBatchNormV3 LogSoftmax LRN MaxPool
Relu Relu6 Selu Softmax Softplus Softsign XlaCallModule
"""
INPUTS = """
AdjustContrastv2 DecodeImage DecodeJpeg DecodePng ExtractJpegShape ResizeBicubic
ResizeBilinear ResizeNearestNeighbor ScaleAndTranslate
AsString DecodeRaw RegexFullMatch RegexReplace StringFormat StringLength StringLower
StringNGrams StringSplitV2 StringStrip StringToNumber StringUpper Substr UnicodeDecode
UnicodeDecodeWithOffsets UnicodeEncode UnicodeTranscode UnsortedSegmentJoin ReduceJoin
"""
ALLOWED = frozenset(
    " ".join([LOADER, CONTROL, ARRAYS, MATHS, NETWORKS, INPUTS]).split()
)
OF_LIBRARY = {"tensorflow_text": "Sentencepiece"}  # what its operations begin with


def unknown(model, libraries=()):
    """The operations of a SavedModel that it may not hold.

    Args:
        model: SavedModel proto.
        libraries: of operations, that its contract names.

    Returns:
        list of str: each one, with the function that holds it.
    """
    begin = tuple(OF_LIBRARY[name] for name in libraries)
    graph = model.meta_graphs[0].graph_def
    functions = {function.signature.name for function in graph.library.function}
    places = [("the graph", graph.node)]
    places += [(f.signature.name, f.node_def) for f in graph.library.function]
    return sorted(
        f"{node.op} in {place}"
        for place, nodes in places
        for node in nodes
        if node.op not in ALLOWED | functions and not node.op.startswith(begin)
    )
