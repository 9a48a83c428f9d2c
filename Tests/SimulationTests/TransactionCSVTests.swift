import EventModel
import Testing

@testable import Simulation

@Suite struct TransactionCSVTests {
    private func row(id: Int64, seconds: Int64, amount: Int64, scenario: FraudScenario) -> SimulatedTransaction {
        SimulatedTransaction(
            id: id, time: EventTime(milliseconds: (17_622 * 86_400 + seconds) * 1_000), customer: 596, terminal: 0,
            amount: amount, scenario: scenario)
    }

    @Test func handbookRowsLookLikeThePublishedFile() {
        var text = ByteWriter()
        var csv = HandbookCSV(startTime: CardFraudOptions().startTime)
        csv.appendHeader(to: &text)
        csv.append(row(id: 0, seconds: 31, amount: 5_716, scenario: .none), to: &text)
        csv.append(row(id: 99_999_999, seconds: 86_399, amount: 5, scenario: .largeAmount), to: &text)
        csv.append(
            row(id: 100_000_000, seconds: 86_400 * 30 + 3_661, amount: 100_000_000_001, scenario: .compromisedCustomer),
            to: &text)
        let expected = """
            TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_TIME_SECONDS,TX_TIME_DAYS,TX_FRAUD,TX_FRAUD_SCENARIO
            0,2018-04-01 00:00:31,596,0,57.16,31,0,0,0
            99999999,2018-04-01 23:59:59,596,0,0.05,86399,0,1,1
            100000000,2018-05-01 01:01:01,596,0,1000000000.01,2595661,30,1,3

            """
        #expect(String(decoding: text.array, as: UTF8.self) == expected)
    }

    @Test func workloadRowsHaveMillisecondsAndTwoDecimals() {
        var text = ByteWriter(capacity: 16)
        let csv = WorkloadCSV()
        csv.appendHeader(to: &text)
        csv.append(row(id: Int64.max, seconds: 0, amount: 1_250, scenario: .none), to: &text)
        csv.append(row(id: 7, seconds: 1, amount: 100, scenario: .compromisedTerminal), to: &text)
        let expected = """
            tx_id,event_time_ms,customer_id,terminal_id,amount,label
            9223372036854775807,1522540800000,596,0,12.50,0
            7,1522540801000,596,0,1.00,1

            """
        #expect(String(decoding: text.array, as: UTF8.self) == expected)
    }
}
