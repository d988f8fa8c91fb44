package importer_test

import "maps"

// The rows of what pictures need, and of moved elements: their cases are among loweringCases.
func init() {
	maps.Copy(loweringCases, map[string][]lowering{
		"Celu":            {{written: nodes("y = Celu x")}, {written: nodes("y = Celu x alpha=0.4")}},
		"HardSigmoid":     {{written: nodes("y = HardSigmoid x")}, {written: nodes("y = HardSigmoid x alpha=0.5 beta=0.3")}},
		"HardSwish":       {{written: nodes("y = HardSwish x"), values: func(i int) float64 { return 3 * sine(i) }}},
		"Mish":            {{written: at(18, "y = Mish x")}, {written: at(18, "y = Mish x"), values: func(i int) float64 { return 30 * sine(i) }}},
		"Softsign":        {{written: nodes("y = Softsign x")}},
		"ThresholdedRelu": {{written: nodes("y = ThresholdedRelu x alpha=0.5")}},

		"GreaterOrEqual": {{written: nodes("a = GreaterOrEqual x half", "b = Cast a to=1", "y = Mul b x")}},
		"LessOrEqual":    {{written: nodes("a = LessOrEqual x half", "b = Cast a to=1", "y = Mul b x")}},
		"Equal":          {{written: nodes("a = Equal x x", "b = Cast a to=1", "y = Mul b x")}, {written: nodes("a = Equal x half", "b = Cast a to=1", "c = Add b x", "y = Mul c x")}},
		"Not":            {{written: nodes("a = Greater x half", "n = Not a", "b = Cast n to=1", "y = Mul b x")}},
		"And":            {{written: nodes("a = Greater x half", "n = Less x u4", "o = And a n", "b = Cast o to=1", "y = Mul b x")}},
		"Or":             {{written: nodes("a = Greater x half", "n = Less x u4", "o = Or a n", "b = Cast o to=1", "y = Mul b x")}},
		"Xor":            {{written: nodes("a = Greater x half", "n = Less x u4", "o = Xor a n", "b = Cast o to=1", "y = Mul b x")}},
		"Where": {
			{written: nodes("a = Greater x half", "y = Where a x u4")}, {written: nodes("a = Greater x half", "y = Where a two x")}, {written: nodes("a = Less x half", "b = Exp x", "y = Where a x b")},
			{written: nodes("y = Where b:1,0,1,1 x u4")}, {written: nodes("y = Where b:1,0,1,1 half x")}, {written: nodes("y = Where true x u4")}, {written: nodes("y = Where false two x")},
			{written: of([]int64{2, 4}, "a = Greater x half", "b = ReduceSum x at1", "y = Where a b high")},
			{written: nodes("a = Greater x half", "l = Log x", "y = Where a l x")}, // what is not chosen is NaN
		},
		"Max": {{written: nodes("y = Max x u4")}, {written: nodes("y = Max half x")}, {written: nodes("a = Neg x", "y = Max x u4 a half")}, {written: nodes("y = Max x")}},
		"Min": {{written: nodes("y = Min x u4")}, {written: nodes("y = Min half x")}, {written: nodes("a = Neg x", "y = Min x u4 a half")}},

		"ReduceL1":        {{written: nodes("y = ReduceL1 x axes=[1]")}, {written: at(18, "y = ReduceL1 x at1 keepdims=0")}},
		"ReduceL2":        {{written: nodes("y = ReduceL2 x axes=[1]")}, {written: of([]int64{2, 4}, "a = ReduceL2 x axes=[-1]", "y = Div x a")}, {written: nodes("y = ReduceL2 x axes=[1]"), values: func(int) float64 { return 0 }, flat: true}},
		"ReduceSumSquare": {{written: of([]int64{2, 4}, "y = ReduceSumSquare x axes=[1,2] keepdims=0")}},
		"ArgMax":          {{written: nodes("a = ArgMax x axis=1", "b = Cast a to=1", "y = Mul b x")}, {written: of([]int64{2, 4}, "a = ArgMax x axis=-1 keepdims=0", "y = Cast a to=1"), flat: true}},

		"InstanceNormalization": {{written: of([]int64{2, 3}, "y = InstanceNormalization x c2 d2")}, {written: of([]int64{2, 3, 2}, "y = InstanceNormalization x c2 f:1,1 epsilon=0.1")}},
		"GroupNormalization":    {{written: written{opset: 21, x: []int64{4, 3}, nodes: []string{"y = GroupNormalization x u4 row4 num_groups=2"}}}, {written: written{opset: 18, x: []int64{4, 3}, nodes: []string{"y = GroupNormalization x c2 d2 num_groups=2 epsilon=0.1"}}}},

		"Concat": {
			{written: nodes("a = Neg x", "y = Concat x a x axis=1")}, {written: of([]int64{2, 4}, "a = Exp x", "b = ReduceSum x at1", "y = Concat a b axis=-2")},
		},
		"Split": {
			{written: nodes("a,b = Split x axis=1", "y = Sub a b")}, {written: nodes("a,b = Split x i:1,3 axis=-1", "y = Mul a b")}, {written: written{opset: 11, nodes: []string{"a,b = Split x axis=1 split=[3,1]", "y = Mul a b"}}},
			{written: written{opset: 18, x: []int64{5}, nodes: []string{"a,b = Split x axis=1 num_outputs=2", "c = Exp b", "y = Concat a c axis=1"}}},
		},
		"Slice": {
			{written: nodes("y = Slice x i:1 i:3 i:1")}, {written: nodes("y = Slice x i:-3 i:9223372036854775807 i:1")}, {written: nodes("y = Slice x i:3 i:-9 i:1 i:-2")}, {written: of([]int64{5, 4}, "y = Slice x i:0,1 i:9,4 i:1,2 i:2,3")},
			{written: written{opset: 9, nodes: []string{"y = Slice x axes=[1] starts=[1] ends=[-1]"}}}, {written: nodes("y = Slice x i:0,2 i:9223372036854775807,4")},
			{written: of([]int64{5, 2, 2}, "y = Slice x i:0 i:5 i:1 i:2")},
		},
		"Gather": {
			{written: nodes("y = Gather x i:2,0,2 axis=1")}, {written: of([]int64{3, 4}, "y = Gather x i:-1,1 axis=1")}, {written: of([]int64{3, 2, 2}, "y = Gather x i:2,2 axis=1")},
			{written: of([]int64{3, 4}, "n = Squeeze i:1 i:0", "y = Gather x n axis=1")},
		},
		"Expand": {{written: of([]int64{1, 4}, "y = Expand x i:1,3,4")}, {written: of([]int64{1, 4}, "y = Expand x i:3,1")}, {written: of([]int64{2, 1, 2, 1}, "y = Expand x i:1,2,5,2,3")}},
		"Tile":   {{written: of([]int64{2, 3}, "y = Tile x i:1,2,3")}},
		"Pad": {
			{written: of([]int64{2, 3}, "y = Pad x i:0,1,0,0,2,3")}, {written: of([]int64{2, 3}, "y = Pad x i:0,0,2,0,0,1 half")}, {written: of([]int64{2, 4}, "y = Pad x i:0,0,2,0,0,1 mode=reflect")},
			{written: of([]int64{2, 4}, "y = Pad x i:0,1,2,0,0,1 mode=edge")}, {written: of([]int64{2, 4}, "y = Pad x i:0,0,-1,0,1,-2")}, {written: written{opset: 19, x: []int64{2, 4}, nodes: []string{"y = Pad x i:0,0,2,0,0,1 mode=wrap"}}},
			{written: written{opset: 10, x: []int64{2, 3}, nodes: []string{"y = Pad x pads=[0,0,1,0,0,0] value=0.5"}}}, {written: written{opset: 18, x: []int64{2, 3}, nodes: []string{"y = Pad x i:1,2 half i:-1"}}},
		},
		"DepthToSpace": {{written: of([]int64{8, 2, 3}, "y = DepthToSpace x blocksize=2")}, {written: of([]int64{8, 2, 3}, "y = DepthToSpace x blocksize=2 mode=CRD")}},
		"SpaceToDepth": {{written: of([]int64{2, 4, 6}, "y = SpaceToDepth x blocksize=2")}},
		"Transpose":    {{written: of([]int64{2, 3}, "y = Transpose x perm=[0,2,1]")}, {written: of([]int64{2, 3, 4}, "y = Transpose x perm=[0,3,1,2]")}},
		"Conv": {
			{written: of([]int64{2, 5, 4}, "y = Conv x t:3x2x3x3 t:3 pads=[1,1,1,1]")}, {written: of([]int64{2, 6, 5}, "y = Conv x t:4x1x2x3 group=2 strides=[2,1] pads=[0,1,1,0] dilations=[1,2]")},
			{written: of([]int64{2, 5, 5}, "y = Conv x t:3x2x3x3 f:1,1,1 strides=[2,2] auto_pad=SAME_UPPER")}, {written: of([]int64{2, 6}, "y = Conv x t:3x2x4 strides=[2] auto_pad=SAME_LOWER")}, {written: of([]int64{2, 6}, "y = Conv x t:3x2x3 auto_pad=VALID")},
		},
		"ConvTranspose": {
			{written: of([]int64{2, 3, 4}, "y = ConvTranspose x t:2x3x3x3 t:3 strides=[2,2] pads=[1,1,1,1] output_padding=[1,1]")}, {written: of([]int64{4, 3}, "y = ConvTranspose x t:4x2x4 group=2 strides=[2] dilations=[2]")},
			{written: of([]int64{2, 3, 3}, "y = ConvTranspose x t:2x2x3x3 strides=[2,2] auto_pad=SAME_UPPER")}, {written: of([]int64{2, 3, 3}, "y = ConvTranspose x t:2x2x3x3 strides=[2,2] output_shape=[6,6]")},
		},
		"MaxPool": {
			{written: of([]int64{2, 5, 4}, "y = MaxPool x kernel_shape=[2,2] strides=[2,2]")}, {written: of([]int64{2, 5, 4}, "y = MaxPool x kernel_shape=[3,2] strides=[2,1] pads=[1,0,1,1]")},
			{written: of([]int64{2, 5, 6}, "y = MaxPool x kernel_shape=[2,3] strides=[2,2] ceil_mode=1")}, {written: of([]int64{2, 5, 5}, "y = MaxPool x kernel_shape=[3,3] strides=[2,2] auto_pad=SAME_UPPER")}, {written: of([]int64{2, 7}, "y = MaxPool x kernel_shape=[2] dilations=[2]")},
		},
		"AveragePool": {
			{written: of([]int64{2, 5, 4}, "y = AveragePool x kernel_shape=[2,2] strides=[2,2]")}, {written: of([]int64{2, 5, 4}, "y = AveragePool x kernel_shape=[3,3] pads=[1,1,1,1] count_include_pad=1")},
			{written: of([]int64{2, 5, 4}, "y = AveragePool x kernel_shape=[3,3] pads=[1,1,1,1]")}, {written: of([]int64{2, 5, 6}, "y = AveragePool x kernel_shape=[2,3] strides=[2,2] ceil_mode=1")},
		},
		"GlobalMaxPool":     {{written: of([]int64{2, 3, 4}, "y = GlobalMaxPool x")}},
		"GlobalAveragePool": {{written: of([]int64{2, 3, 4}, "y = GlobalAveragePool x")}, {written: of([]int64{2, 5}, "y = GlobalAveragePool x")}},
		"ReduceMax":         {{written: of([]int64{2, 3, 4}, "y = ReduceMax x axes=[2,3] keepdims=0")}, {written: of([]int64{2, 3, 4}, "y = ReduceMax x axes=[1]")}, {written: nodes("y = ReduceMax x axes=[1]")}},
		"LpNormalization":   {{written: of([]int64{2, 4}, "y = LpNormalization x")}, {written: of([]int64{2, 4}, "y = LpNormalization x axis=1 p=1")}},
		"Upsample":          {{written: written{opset: 9, x: []int64{1, 2, 3}, nodes: []string{"y = Upsample x f:1,1,2,2"}}}},
		"Resize": {
			{written: of([]int64{1, 2, 3}, "y = Resize x _ f:1,1,2,2 coordinate_transformation_mode=asymmetric nearest_mode=floor")}, {written: of([]int64{1, 2, 3}, "y = Resize x _ f:1,1,2,3 mode=linear")},
			{written: of([]int64{1, 3, 3}, "y = Resize x _ f:1,1,2,2 mode=linear coordinate_transformation_mode=align_corners")}, {written: of([]int64{1, 4, 4}, "y = Resize x _ f:1,1,2,2 mode=cubic")},
			{written: of([]int64{2, 5, 4}, "n = Shape x end=1", "to = Concat n i:2,7,6 axis=0", "y = Resize x _ _ to mode=linear coordinate_transformation_mode=pytorch_half_pixel")},
			{written: of([]int64{1, 5}, "y = Resize x _ f:1,1,0.6 coordinate_transformation_mode=asymmetric")}, {written: of([]int64{1, 5}, "y = Resize x _ f:1,1,1.7")}, {written: of([]int64{1, 4, 4}, "y = Resize x _ f:1,1,1.5,0.5 mode=cubic exclude_outside=1 cubic_coeff_a=-0.5")},
			{written: written{opset: 10, x: []int64{1, 2, 3}, nodes: []string{"y = Resize x f:1,1,2,2"}}}, {written: written{opset: 18, x: []int64{1, 2, 3}, nodes: []string{"y = Resize x _ f:2,2 axes=[2,3] mode=linear"}}},
		},
	})
}
