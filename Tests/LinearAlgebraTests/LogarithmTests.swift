import CRowKernels
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// `tidemark_log1p_each` against values taken with 200 bits (mpmath 1.3.0), and against the C library.
@Suite struct LogarithmTests {
    private static let exact: [(Double, Double)] = [
        (0.01, 0.009950330853168083), (0.1, 0.09531017980432487), (0.25, 0.22314355131420976),
        (0.4142, 0.3465640001880034), (0.41421, 0.3465710712986274), (0.41422, 0.34657814235925116),
        (0.4143, 0.3466347090443171), (0.5, 0.4054651081081644), (0.7, 0.5306282510621704),
        (0.99, 0.688134638736401), (1, 0.6931471805599453), (1.0000000001, 0.6931471806099453),
        (1.5, 0.9162907318741551), (1.9999999, 1.0986122553347757), (2, 1.0986122886681098),
        (2.82842712, 1.3424540452138027), (3, 1.3862943611198906), (3.1, 1.410986973710262),
        (7, 2.0794415416798357), (12.5, 2.6026896854443837), (57.16, 4.063197833225264),
        (400, 5.993961427306569), (1023, 6.931471805599453), (10000.0, 9.210440366976517),
        (123456.78, 11.723654514253736), (1000000000.0, 20.72326583794641),
        (9007199254740991.0, 36.7368005696771), (9007199254740992.0, 36.7368005696771),
        (9007199254740994.0, 36.7368005696771), (1.8014398509481988e+16, 37.42994775023705),
        (1e+18, 41.44653167389282), (1e+100, 230.25850929940458), (1e-300, 1e-300),
        (8.673617379884035e-19, 8.673617379884035e-19), (5.551115123125783e-17, 5.551115123125783e-17),
        (9.094947017729282e-13, 9.094947017725146e-13), (1.862645149230957e-09, 1.8626451474962336e-09),
        (1.8626451492309568e-09, 1.8626451474962333e-09), (1e-08, 9.999999950000001e-09),
        (1e-05, 9.999950000333332e-06), (0.001, 0.0009995003330835331),
        (9.5367431640625e-07, 9.536738616591883e-07), (1.0000004768371582, 0.693147418978496),
        (0.9999997615814209, 0.6931470613506486), (2.9999990463256836, 1.386294122701283),
        (3.000001907348633, 1.386294837956935), (0.6229016948897019, 0.484215716697834),
        (0.7417869892607294, 0.5549115915395266), (0.7951935655656966, 0.5851128520961094),
        (0.9424502837770503, 0.6639502089949666), (0.7398985747399307, 0.5538268211481373),
        (0.922324996665417, 0.6535353892115713), (5.65, 1.8946168546677629), (49.12, 3.9144201300278674),
        (71.12, 4.2783313983351166), (123.18, 4.821732125936747), (132.67, 4.895374075983382),
        (77.18, 4.359013860364809), (21.05, 3.093312601892855), (74.69, 4.326646051321076),
        (231.58, 5.4492342518648975), (35.58, 3.5995016429627196), (277404.20831358247, 12.533234562150138),
        (0.0027546894747108395, 0.0027509022711121513), (8.055316954817175e+20, 48.138034224564656),
        (7.620546168664819e+50, 117.16010269251005), (2.0191978055512326e-09, 2.0191978035126526e-09),
        (2.0654739248047344e+58, 134.27529509727313),
    ]

    private func logarithms(_ values: [Double]) -> [Double] {
        var values = values
        tidemark_log1p_each(&values, values.count)
        return values
    }

    private func units(_ found: Double, _ expected: Double) -> Double { abs(found - expected) / expected.ulp }

    @Test func theErrorIsBelowOneUnitInTheLastPlace() {
        let found = logarithms(Self.exact.map(\.0))
        for ((value, expected), found) in zip(Self.exact, found) {
            // The expected value is rounded itself.
            #expect(units(found, expected) <= 1, "log1p(\(value)) = \(found), not \(expected)")
        }
    }

    @Test func itIsNearTheCLibrarysEverywhere() {
        var state: UInt64 = 7
        func unit() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) * 0x1p-53
        }
        for _ in 0..<200 {
            let values = (0..<200).map { index in
                index % 2 == 0
                    ? Double(sign: .plus, exponent: Int(unit() * 410) - 80, significand: 1 + unit())
                    : (unit() * 1e7).rounded() / 100
            }
            for (value, found) in zip(values, logarithms(values)) {
                #expect(units(found, log1p(value)) <= 1, "log1p(\(value)) = \(found)")
            }
        }
    }

    @Test func whatIsNotAboveZeroGivesZero() {
        for found in logarithms([0, -0.0, -1, -1e100, -.leastNonzeroMagnitude]) {
            #expect(found == 0 && found.sign == .plus)
        }
    }

    /// A value's bits do not depend on where it stands, nor on what stands beside it.
    @Test(arguments: 0...13) func eachValueIsTakenByItself(count: Int) {
        let values = Self.exact.map(\.0)
        let alone = values.map { logarithms([$0])[0] }
        for start in 0...values.count - count {
            #expect(logarithms(Array(values[start..<start + count])) == Array(alone[start..<start + count]))
        }
    }
}
